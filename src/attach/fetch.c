/* SPDX-License-Identifier: MIT */
/* Copies an object out of a target. Invariant: sizes that the target claims are
 * bounded before anything is allocated, and bytes are read once, so that what
 * was checked is what is used.
 *
 * Fetched are the segments that elf_image_needs names, and read-only data besides
 * while it is small: runtimes keep their version there. Of a .bss only the first
 * part, because reading an untouched page would make the target grow. */

#include "attach/fetch.h"

#include <elf.h>
#include <inttypes.h>

#include "base/error.h"
#include "base/feature.h"

#define HEADERS_MAX 256u
#define NOTE_MAX 4096u
#define EXTENT_MAX (1ull << 40)
#define SEGMENT_MAX (1ull << 30)
#define WORLD_MAX (4ull << 30)
#define BSS_MAX (16ull << 20)
#define CONSTANTS_MAX (4ull << 20)

static int no_memory(struct graft_error *error)
{
    return error_set(error, GRAFT_ENOMEM, "out of memory while reading the target");
}

static int unreadable(struct graft_error *error, const char *what, uint64_t address)
{
    return error_set(error, GRAFT_EFORMAT, "%s at 0x%" PRIx64 " cannot be read", what, address);
}

int fetch_headers_at(struct fetch_headers *headers, const struct process *process, struct arena *arena,
                     struct graft_error *error)
{
    size_t expected = FEATURE_CLASS == ELFCLASS64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
    if (headers->entry_size != expected || headers->count > HEADERS_MAX)
        return error_set(error, GRAFT_EFORMAT, "%zu program headers of %zu bytes are impossible",
                         headers->count, headers->entry_size);
    void *bytes = arena_array(arena, headers->count, headers->entry_size);
    if (!bytes)
        return no_memory(error);
    if (!process_read(process, headers->address, bytes, headers->count * headers->entry_size))
        return unreadable(error, "program headers", headers->address);
    headers->bytes = bytes;
    return 0;
}

int fetch_headers_of(struct fetch_headers *headers, const struct process *process, struct arena *arena,
                     uint64_t base, struct graft_error *error)
{
    unsigned char bytes[sizeof(Elf64_Ehdr)];
    struct elf_header header;
    if (!process_read(process, base, bytes, sizeof bytes))
        return unreadable(error, "its ELF header", base);
    int result = elf_header_read(&header, bytes, sizeof bytes, error);
    if (result)
        return result;
    if (header.machine != FEATURE_MACHINE || header.elf_class != FEATURE_CLASS || header.swap)
        return error_set(error, GRAFT_EFORMAT, "an object of another machine");
    *headers = (struct fetch_headers){ .count = header.count, .entry_size = header.entry_size,
                                       .type = header.type };
    if (__builtin_add_overflow(base, header.headers, &headers->address))
        return unreadable(error, "program headers", base);
    return fetch_headers_at(headers, process, arena, error);
}

static int add_bytes(struct elf_image *image, const struct process *process, struct arena *arena,
                     uint64_t vaddr, uint64_t size, struct graft_error *error)
{
    void *bytes = arena->mapped + size > WORLD_MAX ? NULL : arena_alloc(arena, size);
    struct process_bytes piece = { image->bias + vaddr, size, bytes };
    if (!bytes)
        return no_memory(error);
    if (!process_read_all(process, &piece, 1))
        return unreadable(error, "a segment", image->bias + vaddr);
    return elf_image_add_span(image, vaddr, size, bytes);
}

static int add_segment(struct elf_image *image, const struct process *process, struct arena *arena,
                       const struct elf_segment *s, struct graft_error *error)
{
    uint64_t zeroes = s->memsz - s->filesz;
    if (s->filesz > SEGMENT_MAX)
        return error_set(error, GRAFT_EFORMAT, "a segment of 0x%" PRIx64 " bytes is too large", s->filesz);
    return add_bytes(image, process, arena, s->vaddr, s->filesz + (zeroes < BSS_MAX ? zeroes : BSS_MAX), error);
}

static int add_notes(struct elf_image *image, const struct process *process, struct arena *arena)
{
    for (unsigned i = 0; i < image->note_count; i++)
        if (image->note[i].filesz <= NOTE_MAX && elf_image_covers(image, image->note[i].vaddr, PF_R))
            add_bytes(image, process, arena, image->note[i].vaddr, image->note[i].filesz, NULL);
    image->dynamic.type = PT_NULL;
    return elf_image_decode(image, NULL);
}

/* Bit i: segment i is wanted besides what decoding needs. */
static uint32_t wanted(const struct elf_image *image)
{
    uint32_t set = elf_image_needs(image);
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *s = &image->segment[i];
        if (!(s->flags & PF_X) && s->memsz <= CONSTANTS_MAX)
            set |= 1u << i;
        if (!(s->flags & PF_R))
            set &= ~(1u << i);
    }
    return set;
}

/* The segment of the dynamic section comes first: it tells what else is needed. */
static int add_tables(struct elf_image *image, const struct process *process, struct arena *arena,
                      struct graft_error *error)
{
    unsigned first = 0;
    while (first < image->segment_count && (!(image->segment[first].flags & PF_R)
           || image->dynamic.vaddr - image->segment[first].vaddr >= image->segment[first].memsz))
        first++;
    bool found = image->dynamic.type == PT_DYNAMIC && first < image->segment_count;
    int result = found ? add_segment(image, process, arena, &image->segment[first], error) : 0;
    uint32_t set = result ? 0 : wanted(image);
    for (unsigned i = 0; !result && i < image->segment_count; i++)
        if (set >> i & 1 && !(found && i == first))
            result = add_segment(image, process, arena, &image->segment[i], error);
    return result ? result : elf_image_decode(image, error);
}

int fetch_image(struct elf_image *image, const struct process *process, struct arena *arena,
                const struct fetch_headers *headers, uint64_t bias, enum fetch_depth depth,
                struct graft_error *error)
{
    int result = elf_image_begin(image, FEATURE_MACHINE, headers->type, FEATURE_CLASS, false, headers->bytes,
                                 headers->count, headers->entry_size, bias, error);
    if (result)
        return result;
    image->relocated = true;
    if (image->high - image->low > EXTENT_MAX || bias + image->high < bias + image->low)
        return error_set(error, GRAFT_EFORMAT, "its segments cover an impossible range");
    return depth == FETCH_SHAPE ? add_notes(image, process, arena) : add_tables(image, process, arena, error);
}
