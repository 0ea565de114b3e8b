/* SPDX-License-Identifier: MIT */
/* Puts the name of another library into the dynamic string table: one that is there, in
 * place of the old one, or in a copy of the table behind the file's end, which a new
 * segment maps. Invariant: every string that was there keeps its bytes and its offset;
 * the old name goes only where nothing else in the file shares a byte with it. */

#include "symfile/variant_name.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "symfile/variant_walk.h"

static uint64_t dynamic_value(const struct elf_image *image, uint64_t tag)
{
    for (size_t i = 0; i < image->dyn.count; i++)
        if (walk_dynamic(image, i).tag == tag)
            return walk_dynamic(image, i).value;
    return 0;
}

/* ---- who shares bytes with the old name ------------------------------------- */

/* The old name, and whether the string at @offset shares bytes with it. */
struct old_name { uint64_t offset; size_t length; };

static bool shares(const struct writing *w, const struct old_name *old, uint64_t offset)
{
    if (offset >= old->offset)
        return offset - old->offset <= old->length;
    return !memchr(w->image->strings + offset, 0, old->offset - offset);
}

static bool holds_string(const struct elf_image *image, uint64_t tag)
{
    switch (tag) {
    case DT_NEEDED: case DT_SONAME: case DT_RPATH: case DT_RUNPATH: case DT_CONFIG: case DT_DEPAUDIT:
    case DT_AUDIT: case DT_AUXILIARY: case DT_FILTER: case 0x7ffffffe /* DT_USED */:
        return true;
    default:
        return image->machine == EM_MIPS && tag == DT_MIPS_IVERSION;
    }
}

static bool shared_by_entries(const struct writing *w, const struct old_name *old)
{
    for (size_t i = 0; i < w->image->dyn.count; i++) {
        struct walk_entry entry = walk_dynamic(w->image, i);
        if (holds_string(w->image, entry.tag) && !writing_wished_entry(w, i) && shares(w, old, entry.value))
            return true;
    }
    return false;
}

static bool shared_by_versions(const struct writing *w, const struct old_name *old)
{
    const struct elf_image *image = w->image;
    for (struct walk_file file = walk_files(image); file.at; file = walk_next_file(image, &file)) {
        if (!variant_wished(w->wish, file.name) && shares(w, old, file.offset))
            return true;
        for (struct walk_version v = walk_versions(image, &file); v.at; v = walk_next_version(image, &v))
            if (shares(w, old, v.offset))
                return true;
    }
    return false;
}

static bool shared_by_definitions(const struct writing *w, const struct old_name *old)
{
    const struct elf_image *image = w->image;
    uint64_t at = image->verdef;
    const unsigned char *p, *a;
    for (uint32_t i = 0; i < image->verdef_count && (p = elf_image_at(image, at, sizeof(Elf64_Verdef))); i++) {
        uint64_t aux = at + elf_get32(image, p + offsetof(Elf64_Verdef, vd_aux));
        unsigned left = elf_get16(image, p + offsetof(Elf64_Verdef, vd_cnt));
        uint32_t next = 1;
        for (; left && next && (a = elf_image_at(image, aux, sizeof(Elf64_Verdaux))); left--) {
            if (shares(w, old, elf_get32(image, a)))
                return true;
            next = elf_get32(image, a + offsetof(Elf64_Verdaux, vda_next));
            aux += next;
        }
        at += elf_get32(image, p + offsetof(Elf64_Verdef, vd_next));
    }
    return false;
}

static bool shared_by_symbols(const struct writing *w, const struct old_name *old)
{
    const struct elf_image *image = w->image;
    uint32_t count = variant_symbol_count(image, w->sections);
    for (uint32_t i = 0; i < count; i++)
        if (shares(w, old, elf_get32(image, image->symbols.bytes + (size_t)i * image->symbols.entry_size)))
            return true;
    return false;
}

/* Sections whose use of the dynamic string table is not looked through here. */
static bool shared_by_sections(const struct writing *w)
{
    const struct elf_sections *sections = w->sections;
    const unsigned char *strings = (const unsigned char *)w->image->strings;
    struct elf_section s, linked;
    if (sections->names == w->image->strings)
        return true;
    for (size_t i = 0; elf_section_at(sections, i, &s); i++) {
        bool known = s.type == SHT_DYNSYM || s.type == SHT_DYNAMIC || s.type == SHT_GNU_verdef
                  || s.type == SHT_GNU_verneed;
        if (!known && s.link && elf_section_at(sections, s.link, &linked) && linked.bytes == strings)
            return true;
    }
    return false;
}

static bool name_in_place(struct writing *w)
{
    struct old_name old = { 0 };
    size_t i = 0, length = strlen(w->wish->onto);
    while (!writing_wished_entry(w, i))
        i++;
    old.offset = walk_dynamic(w->image, i).value;
    old.length = strlen(w->image->strings + old.offset);
    if (length > old.length || shared_by_entries(w, &old) || shared_by_versions(w, &old)
        || shared_by_definitions(w, &old) || shared_by_symbols(w, &old) || shared_by_sections(w))
        return false;
    unsigned char *to = writing_copy_of(w, w->image->strings + old.offset);
    memset(to, 0, old.length);
    memcpy(to, w->wish->onto, length);
    w->name = old.offset;
    return true;
}

static bool name_there(struct writing *w)
{
    const char *strings = w->image->strings;
    const char *found = memmem(strings, w->image->strings_size, w->wish->onto, strlen(w->wish->onto) + 1);
    w->name = found ? (uint64_t)(found - strings) : 0;
    return found != NULL;
}

/* The new segment: program headers with one more, then the strings and the new name.
 *
 *     file offset  start            start + table
 *                  │ headers ... +1 │ strings ... │ name │
 *     address      base             base + table
 */
struct appendix {
    uint64_t start, base, align, table, size;
    size_t headers;                 /* old program headers */
};

static int appendix_place(const struct writing *w, struct appendix *a, struct graft_error *error)
{
    const struct elf_image *image = w->image;
    struct elf_header header;
    int result = elf_header_read(&header, w->file, w->size, error);
    if (result)
        return result;
    a->align = 4096;
    for (unsigned i = 0; i < image->segment_count; i++)
        if (image->segment[i].align > a->align)
            a->align = image->segment[i].align;
    if (a->align & (a->align - 1))
        return error_set(error, GRAFT_EFORMAT, "p_align: 0x%" PRIx64 " is no power of two", a->align);
    a->headers = header.count;
    a->table = (header.count + 1) * header.entry_size;
    a->start = (w->size + 15) & ~15ull;
    a->size = a->table + image->strings_size + strlen(w->wish->onto) + 1;
    uint64_t highest = image->elf_class == ELFCLASS64 ? INT64_MAX : INT32_MAX;
    if (a->align > highest / 4 || a->size > highest / 4 || image->high > highest - 2 * a->align - a->size
        || header.count >= PN_XNUM - 1)
        return error_set(error, GRAFT_EREFUSED, "the new name has no room: no segment can be added "
                         "to this library");
    a->base = ((image->high + a->align - 1) & ~(a->align - 1)) + (a->start & (a->align - 1));
    return 0;
}

static void header_put(const struct writing *w, unsigned char *p, const struct elf_segment *s)
{
    bool wide = w->image->elf_class == ELFCLASS64;
    unsigned word = elf_word_size(w->image);
#define PHDR(field) (p + (wide ? offsetof(Elf64_Phdr, field) : offsetof(Elf32_Phdr, field)))
    writing_put(w, PHDR(p_type), 4, s->type);
    writing_put(w, PHDR(p_flags), 4, s->flags);
    writing_put(w, PHDR(p_offset), word, s->offset);
    writing_put(w, PHDR(p_vaddr), word, s->vaddr);
    writing_put(w, PHDR(p_paddr), word, s->vaddr);
    writing_put(w, PHDR(p_filesz), word, s->filesz);
    writing_put(w, PHDR(p_memsz), word, s->memsz);
    writing_put(w, PHDR(p_align), word, s->align);
#undef PHDR
}

/* Linkers and loaders want PT_LOADs in the order of their addresses, and the new one is
 * the highest. */
static void headers_write(const struct writing *w, const struct appendix *a)
{
    struct elf_header header;
    elf_header_read(&header, w->file, w->size, NULL);
    const unsigned char *from = w->file + header.headers;
    unsigned char *to = w->out->bytes + a->start;
    size_t last = 0;
    for (size_t i = 0; i < a->headers; i++)
        if (elf_get32(w->image, from + i * header.entry_size) == PT_LOAD)
            last = i;
    for (size_t i = 0; i < a->headers; i++, to += header.entry_size) {
        memcpy(to, from + i * header.entry_size, header.entry_size);
        if (elf_get32(w->image, from + i * header.entry_size) == PT_PHDR)
            header_put(w, to, &(struct elf_segment){ PT_PHDR, PF_R, a->start, a->base, a->table, a->table,
                                                     elf_word_size(w->image) });
        if (i != last)
            continue;
        to += header.entry_size;
        header_put(w, to, &(struct elf_segment){ PT_LOAD, PF_R, a->start, a->base, a->size, a->size, a->align });
    }
    bool wide = w->image->elf_class == ELFCLASS64;
    unsigned char *file = w->out->bytes;
    writing_put_word(w, file + (wide ? offsetof(Elf64_Ehdr, e_phoff) : offsetof(Elf32_Ehdr, e_phoff)), a->start);
    writing_put(w, file + (wide ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum)), 2,
                a->headers + 1);
}

static int name_append(struct writing *w, struct graft_error *error)
{
    struct appendix a = { 0 };
    const struct elf_image *image = w->image;
    unsigned word = elf_word_size(image);
    int result = appendix_place(w, &a, error);
    if (result)
        return result;
    unsigned char *bytes = realloc(w->out->bytes, a.start + a.size);
    if (!bytes)
        return error_set(error, GRAFT_ENOMEM, "out of memory for the variant");
    w->out->bytes = bytes;
    memset(bytes + w->size, 0, a.start + a.size - w->size);
    w->out->size = a.start + a.size;
    headers_write(w, &a);
    memcpy(bytes + a.start + a.table, image->strings, image->strings_size);
    memcpy(bytes + a.start + a.table + image->strings_size, w->wish->onto, strlen(w->wish->onto));
    w->name = image->strings_size;
    w->strings = a.base + a.table;
    w->strings_size = a.size - a.table;
    struct elf_section section;
    const unsigned char *header = walk_section(w->sections, SHT_STRTAB, dynamic_value(image, DT_STRTAB), &section);
    WRITE_SECTION(w, header, sh_addr, word, w->strings);
    WRITE_SECTION(w, header, sh_offset, word, a.start + a.table);
    WRITE_SECTION(w, header, sh_size, word, w->strings_size);
    return 0;
}

int writing_name_place(struct writing *w, struct graft_error *error)
{
    if (!w->wish->onto)
        return 0;
    if (name_there(w))
        w->out->naming = VARIANT_NAME_REUSED;
    else if (name_in_place(w))
        w->out->naming = VARIANT_NAME_IN_PLACE;
    else {
        w->out->naming = VARIANT_NAME_APPENDED;
        return name_append(w, error);
    }
    return 0;
}

