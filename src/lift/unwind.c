/* SPDX-License-Identifier: MIT */
/* Reads .eh_frame records as far as their pointers go. Invariant: every read is
 * bounded by the record that it belongs to, and what is not understood is an error, never
 * a pointer left out: an exception that passes a function without a record ends the
 * program. */

#include <string.h>

#include "base/error.h"
#include "lift/unwind.h"

enum {
    PE_OMIT = 0xff, PE_UDATA4 = 0x03, PE_SDATA4_PCREL = 0x1b, PE_INDIRECT = 0x80
};

struct record { const unsigned char *at, *end; };

struct common {
    uint64_t at;                    /* offset of the CIE */
    bool augmented, has_lsda;
};

static int damaged(struct graft_error *error, uint64_t offset, const char *what)
{
    return error_set(error, GRAFT_EFORMAT, ".eh_frame+0x%llx: %s", (unsigned long long)offset, what);
}

static uint32_t get32(const unsigned char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static bool skip_leb(struct record *r, uint64_t *value)
{
    unsigned shift = 0;
    *value = 0;
    while (r->at < r->end) {
        unsigned char byte = *r->at++;
        if (shift < 64)
            *value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

/* The section ends at a record of length 0, which only crtend.o brings, or after as many
 * functions as its index has. */
static int measure(struct unwind *u, uint64_t room, uint64_t functions, struct graft_error *error)
{
    while (functions && room - u->size >= 4) {
        uint32_t length = get32(u->bytes + u->size);
        if (!length)
            return 0;
        if (length == 0xffffffff)
            return damaged(error, u->size, "64-bit records are not understood");
        if (length > room - u->size - 4)
            return damaged(error, u->size, "the record is longer than its segment");
        functions -= length >= 4 && get32(u->bytes + u->size + 4) != 0;
        u->size += 4 + (uint64_t)length;
    }
    return 0;
}

int unwind_find(struct unwind *u, const struct elf_image *image, const struct elf_segment *header,
                struct graft_error *error)
{
    *u = (struct unwind){ 0 };
    if (!header->type)
        return 0;
    const unsigned char *at = elf_image_at(image, header->vaddr, 8);
    if (!at || at[0] != 1)
        return error_set(error, GRAFT_EFORMAT, "PT_GNU_EH_FRAME leads outside the file, or is no version 1");
    if (at[1] != PE_SDATA4_PCREL)
        return error_set(error, GRAFT_EFORMAT, ".eh_frame_hdr: pointer encoding 0x%02x is not understood", at[1]);
    u->vaddr = header->vaddr + 4 + (uint64_t)(int64_t)(int32_t)get32(at + 4);
    uint64_t room = elf_image_room(image, u->vaddr);
    u->bytes = elf_image_at(image, u->vaddr, 4);
    if (!u->bytes)
        return error_set(error, GRAFT_EFORMAT, ".eh_frame_hdr leads outside the file");
    const unsigned char *count = at[2] == PE_UDATA4 ? elf_image_at(image, header->vaddr + 8, 4) : NULL;
    return measure(u, room, count ? get32(count) : UINT64_MAX, error);
}

struct reading {
    const struct unwind *unwind;
    struct graft_error *error;
    unwind_pointer_fn *each;
    void *arg;
};

static int tell(const struct reading *r, const unsigned char *at)
{
    uint64_t offset = (uint64_t)(at - r->unwind->bytes);
    return r->each(r->arg, offset, r->unwind->vaddr + offset + (uint64_t)(int64_t)(int32_t)get32(at));
}

/* The augmentation string says what the CIE's data holds, and how its FDEs point. */
static int read_augmentation(const struct reading *r, struct record *data, const char *letters, struct common *common)
{
    uint64_t at = (uint64_t)(data->at - r->unwind->bytes);
    for (; *letters; letters++) {
        if (*letters == 'S' || *letters == 'B')
            continue;
        if (data->at >= data->end)
            return damaged(r->error, at, "the augmentation is cut off");
        unsigned char encoding = *data->at++;
        if (*letters == 'R') {
            if (encoding != PE_SDATA4_PCREL)
                return damaged(r->error, at, "FDE pointers in an encoding that is not understood");
        } else if (*letters == 'L') {
            common->has_lsda = encoding != PE_OMIT;
            if (common->has_lsda && encoding != PE_SDATA4_PCREL)
                return damaged(r->error, at, "LSDA pointers in an encoding that is not understood");
        } else if (*letters == 'P') {
            if ((encoding & ~PE_INDIRECT) != PE_SDATA4_PCREL || data->end - data->at < 4)
                return damaged(r->error, at, "a personality in an encoding that is not understood");
            int result = tell(r, data->at);
            if (result)
                return result;
            data->at += 4;
        } else {
            return damaged(r->error, at, "an augmentation that is not understood");
        }
    }
    return 0;
}

static int read_common(const struct reading *r, uint64_t offset, struct record record, struct common *common)
{
    uint64_t ignored;
    *common = (struct common){ .at = offset };
    if (record.end - record.at < 3)
        return damaged(r->error, offset, "the CIE is cut off");
    const char *letters = (const char *)record.at + 1;
    const unsigned char *end = memchr(letters, 0, (size_t)(record.end - record.at - 1));
    if (!end)
        return damaged(r->error, offset, "the augmentation has no end");
    record.at = end + 1;
    if (!skip_leb(&record, &ignored) || !skip_leb(&record, &ignored) || !skip_leb(&record, &ignored))
        return damaged(r->error, offset, "the CIE is cut off");
    if (!*letters)
        return damaged(r->error, offset, "a CIE without augmentation has absolute pointers, which are not understood");
    if (*letters != 'z' || !skip_leb(&record, &ignored) || ignored > (uint64_t)(record.end - record.at))
        return damaged(r->error, offset, "an augmentation that is not understood");
    common->augmented = true;
    record.end = record.at + ignored;
    return read_augmentation(r, &record, letters + 1, common);
}

static int read_function(const struct reading *r, uint64_t offset, struct record record, const struct common *common)
{
    uint64_t size;
    if (record.end - record.at < 8)
        return damaged(r->error, offset, "the FDE is cut off");
    int result = tell(r, record.at);
    record.at += 8;
    if (result || !common->has_lsda)
        return result;
    if (!skip_leb(&record, &size) || size > (uint64_t)(record.end - record.at))
        return damaged(r->error, offset, "the FDE's augmentation is cut off");
    if (size < 4 || !get32(record.at))          /* 0: this function has no LSDA */
        return 0;
    return tell(r, record.at);
}

static int ignore(void *arg, uint64_t offset, uint64_t target)
{
    (void)arg, (void)offset, (void)target;
    return 0;
}

/* Nearly all FDEs follow their CIE; another one is read again, its pointers being told. */
static int find_common(const struct reading *r, uint64_t offset, uint64_t at, struct common *common)
{
    const struct unwind *u = r->unwind;
    struct reading again = *r;
    if (at == common->at)
        return 0;
    if (u->size - at < 8 || get32(u->bytes + at) < 4 || get32(u->bytes + at) > u->size - at - 4
        || get32(u->bytes + at + 4))
        return damaged(r->error, offset, "the FDE's CIE is none");
    again.each = ignore;
    return read_common(&again, at, (struct record){ u->bytes + at + 8, u->bytes + at + 4 + get32(u->bytes + at) }, common);
}

int unwind_pointers(const struct unwind *u, unwind_pointer_fn *each, void *arg, struct graft_error *error)
{
    struct reading r = { u, error, each, arg };
    struct common common = { .at = UINT64_MAX };
    for (uint64_t offset = 0; offset < u->size;) {
        uint64_t length = get32(u->bytes + offset);
        struct record record = { u->bytes + offset + 8, u->bytes + offset + 4 + length };
        int result;
        if (length < 4)
            return damaged(error, offset, "the record is too short");
        uint32_t back = get32(u->bytes + offset + 4);
        if (back && (uint64_t)back > offset + 4)
            return damaged(error, offset, "the FDE's CIE lies outside");
        if (!back)
            result = read_common(&r, offset, record, &common);
        else if (!(result = find_common(&r, offset, offset + 4 - back, &common)))
            result = read_function(&r, offset, record, &common);
        if (result)
            return result;
        offset += 4 + length;
    }
    return 0;
}
