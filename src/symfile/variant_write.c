/* SPDX-License-Identifier: MIT */
/* Writes a variant's bytes. Invariant: the original is only read, the copy only written,
 * and a place is written only at the offset of bytes that elf_image or elf_sections handed
 * out, which therefore lie in the file. Nothing moves but entries of the dynamic section
 * and, if a new name has no room, the string table and the program headers. */

#include "symfile/variant_write.h"

#include <elf.h>
#include <stdlib.h>

#include "base/error.h"
#include "elf/reloc.h"
#include "elf/symbol.h"
#include "symfile/variant_name.h"
#include "symfile/variant_walk.h"

enum { INDEX_MASK = VARIANT_INDEXES - 1,
       TAG_POSFLAG_1 = 0x6ffffdfd,  /* DF_P1_* for the DT_NEEDED behind it */
       TAG_SYMINFO = 0x6ffffeff };

/* ---- questions --------------------------------------------------------------- */

bool variant_wished(const struct variant_wish *wish, const char *name)
{
    for (size_t i = 0; i < wish->count; i++)
        if (name && !strcmp(wish->names[i], name))
            return true;
    return false;
}

int variant_library_check(const struct elf_image *image, struct graft_error *error)
{
    if (image->type != ET_DYN)
        return error_set(error, GRAFT_EFORMAT, "e_type: %u, this is not a shared library", image->type);
    if (!image->dyn.bytes || !image->strings)
        return error_set(error, GRAFT_EFORMAT, "PT_DYNAMIC: there is none, this is not a shared library");
    bool program = image->flags_1 & DF_1_PIE;
    for (size_t i = 0; i < image->dyn.count; i++)
        program |= walk_dynamic(image, i).tag == DT_DEBUG;      /* linkers give it to programs only */
    return program ? error_set(error, GRAFT_EFORMAT, "DT_DEBUG or DF_1_PIE: this is a program, not a shared library")
                   : 0;
}

uint32_t variant_symbol_count(const struct elf_image *image, const struct elf_sections *sections)
{
    uint64_t count = elf_symbol_count(image);
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            uint64_t symbol = elf_reloc_at(image, &image->relocs[t], i).symbol;
            if (symbol && symbol >= count && symbol < image->symbols.count)
                count = symbol + 1;
        }
    struct elf_section section;
    if (sections && image->symbols.entry_size && walk_section(sections, SHT_DYNSYM, image->symbols_vaddr, &section)
        && section.size / image->symbols.entry_size > count)
        count = section.size / image->symbols.entry_size;
    return (uint32_t)(count < image->symbols.count ? count : image->symbols.count);
}

bool writing_wished_entry(const struct writing *w, size_t i)
{
    struct walk_entry entry = walk_dynamic(w->image, i);
    return entry.tag == DT_NEEDED && variant_wished(w->wish, elf_image_string(w->image, entry.value));
}

static int wish_check(const struct writing *w, struct graft_error *error)
{
    for (size_t n = 0; n < w->wish->count; n++) {
        const char *name;
        size_t k = 0;
        while ((name = elf_image_needed(w->image, k)) && strcmp(name, w->wish->names[n]))
            k++;
        if (!name)
            return error_set(error, GRAFT_ENOOBJ, "no DT_NEEDED is %s", w->wish->names[n]);
    }
    if (w->wish->onto && (w->wish->count != 1 || !*w->wish->onto))
        return error_set(error, GRAFT_EINVAL, "one library at a time can be replaced by another");
    for (size_t i = 0; i < w->image->dyn.count; i++)
        if (walk_dynamic(w->image, i).tag == TAG_SYMINFO)
            return error_set(error, GRAFT_EREFUSED, "DT_SYMINFO refers to entries of the dynamic section by number: "
                             "they cannot move");
    return 0;
}

/* ---- versions ------------------------------------------------------------------ */

static bool is_retired(const struct writing *w, unsigned index)
{
    return w->retired[index / 8] >> index % 8 & 1;
}

static void versions_retire(struct writing *w)
{
    const struct elf_image *image = w->image;
    for (struct walk_file file = walk_files(image); file.at; file = walk_next_file(image, &file)) {
        if (!variant_wished(w->wish, file.name)) {
            w->files++;
            continue;
        }
        w->unlinked++;
        for (struct walk_version v = walk_versions(image, &file); v.at; v = walk_next_version(image, &v)) {
            w->out->versions++;
            if (!w->wish->onto && v.index > VER_NDX_GLOBAL)
                w->retired[v.index / 8] |= (unsigned char)(1u << v.index % 8);
        }
    }
}

/* The chain goes round the entries that leave. The first must stay where DT_VERNEED and
 * the section header say, so that the first of those that stay moves there, leaving its
 * versions where they are. glibc follows vn_next alone, never DT_VERNEEDNUM. */
static int needs_unlink(const struct writing *w, struct graft_error *error)
{
    const struct elf_image *image = w->image;
    struct walk_file first = walk_files(image);
    uint64_t last = 0;
    unsigned char *last_copy = NULL;
    for (struct walk_file file = first; file.at; file = walk_next_file(image, &file)) {
        if (variant_wished(w->wish, file.name))
            continue;
        uint64_t home = last ? file.at : first.at;
        uint64_t aux = elf_get32(image, file.bytes + offsetof(Elf64_Verneed, vn_aux)) + (file.at - home);
        unsigned char *to = writing_copy_of(w, last ? file.bytes : first.bytes);
        if (aux > UINT32_MAX || (last && home - last > UINT32_MAX))
            return error_set(error, GRAFT_EFORMAT, "DT_VERNEED: the entries lie too far apart");
        memcpy(to, file.bytes, sizeof(Elf64_Verneed));
        writing_put(w, to + offsetof(Elf64_Verneed, vn_aux), 4, aux);
        writing_put(w, to + offsetof(Elf64_Verneed, vn_next), 4, 0);
        if (last)
            writing_put(w, last_copy + offsetof(Elf64_Verneed, vn_next), 4, home - last);
        last = home;
        last_copy = to;
    }
    return 0;
}

static void needs_rename(const struct writing *w)
{
    const struct elf_image *image = w->image;
    for (struct walk_file file = walk_files(image); file.at; file = walk_next_file(image, &file))
        if (variant_wished(w->wish, file.name))
            writing_put(w, writing_copy_of(w, file.bytes) + offsetof(Elf64_Verneed, vn_file), 4, w->name);
}

/* An index that nothing explains would make ld.so read a version past its table (glibc
 * elf/dl-version.c sizes it by the highest index it met). */
static void symbols_unversion(const struct writing *w)
{
    const struct elf_image *image = w->image;
    uint32_t count = variant_symbol_count(image, w->sections);
    for (uint32_t i = 0; i < count && i < image->versym.count; i++) {
        const unsigned char *word = image->versym.bytes + (size_t)i * 2;
        if (!is_retired(w, elf_get16(image, word) & INDEX_MASK))
            continue;
        writing_put(w, writing_copy_of(w, word), 2, VER_NDX_GLOBAL);
        w->out->symbols++;
    }
}

static int versions_mend(struct writing *w, struct graft_error *error)
{
    if (w->wish->onto)
        needs_rename(w);
    else if (w->unlinked) {
        int result = needs_unlink(w, error);
        if (result)
            return result;
        symbols_unversion(w);
    }
    return 0;
}

/* ---- the dynamic section -------------------------------------------------------- */

/* Solaris' linkers put the flags of a DT_NEEDED in front of it. */
static bool flags_of_dropped(const struct writing *w, size_t i)
{
    return walk_dynamic(w->image, i).tag == TAG_POSFLAG_1 && i + 1 < w->image->dyn.count
        && writing_wished_entry(w, i + 1);
}

/* glibc reads the first entry of DT_VERNEED whatever DT_VERNEEDNUM says, and takes the
 * versions of symbols from a table that it made only if there are any: where none are
 * left, all three tags leave. */
static bool entry_stays(const struct writing *w, size_t i)
{
    const struct elf_image *image = w->image;
    if (w->wish->onto)
        return true;
    if (writing_wished_entry(w, i) || flags_of_dropped(w, i))
        return false;
    bool emptied = w->unlinked && !w->files;
    switch (walk_dynamic(image, i).tag) {
    case DT_VERNEED: case DT_VERNEEDNUM: return !emptied;
    case DT_VERSYM:                      return !emptied || (image->verdef && image->verdef_count);
    default:                             return true;
    }
}

/* What the entry's value becomes when it moves @up bytes. */
static uint64_t entry_value(const struct writing *w, size_t i, uint64_t up)
{
    struct walk_entry entry = walk_dynamic(w->image, i);
    bool moved = w->strings != 0;
    switch (entry.tag) {
    case DT_NEEDED:     return w->wish->onto && writing_wished_entry(w, i) ? w->name : entry.value;
    case DT_VERNEEDNUM: return w->unlinked && !w->wish->onto ? w->files : entry.value;
    case DT_STRTAB:     return moved ? w->strings : entry.value;
    case DT_STRSZ:      return moved ? w->strings_size : entry.value;
    case DT_MIPS_RLD_MAP_REL:           /* counts from the entry itself */
        return w->image->machine == EM_MIPS ? entry.value + up : entry.value;
    default:            return entry.value;
    }
}

static void dynamic_write(const struct writing *w)
{
    const struct elf_table *table = &w->image->dyn;
    unsigned char *to = writing_copy_of(w, table->bytes);
    size_t stay = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (!entry_stays(w, i))
            continue;
        unsigned char *p = to + stay * table->entry_size;
        writing_put_word(w, p, walk_dynamic(w->image, i).tag);
        writing_put_word(w, p + elf_word_size(w->image), entry_value(w, i, (i - stay) * table->entry_size));
        stay++;
    }
    memset(to + stay * table->entry_size, 0, (table->count - stay) * table->entry_size);
}

/* ---- section headers -------------------------------------------------------------- */

static void sections_mend(const struct writing *w)
{
    const struct elf_image *image = w->image;
    if (!w->unlinked || w->wish->onto)
        return;
    struct elf_section section;
    const unsigned char *header = walk_section(w->sections, SHT_GNU_verneed, image->verneed, &section);
    WRITE_SECTION(w, header, sh_info, 4, w->files);
}

/* ---- the whole ----------------------------------------------------------------------- */

static int write_all(struct writing *w, struct graft_error *error)
{
    int result = wish_check(w, error);
    if (result)
        return result;
    w->out->bytes = malloc(w->size);
    if (!w->out->bytes)
        return error_set(error, GRAFT_ENOMEM, "out of memory for the variant");
    memcpy(w->out->bytes, w->file, w->size);
    w->out->size = w->size;
    versions_retire(w);
    if ((result = writing_name_place(w, error)) || (result = versions_mend(w, error)))
        return result;
    dynamic_write(w);
    sections_mend(w);
    return 0;
}

int variant_write(struct variant_bytes *out, const void *file, size_t size, const struct variant_wish *wish,
                 struct graft_error *error)
{
    struct elf_image image;
    struct elf_sections sections;
    struct writing w = { .wish = wish, .image = &image, .sections = &sections, .file = file, .size = size,
                         .out = out };
    memset(out, 0, sizeof *out);
    int result = elf_image_open_file(&image, file, size, error);
    if (!result && !(result = variant_library_check(&image, error)))
        result = elf_sections_open(&sections, file, size, error);
    if (!result)
        result = write_all(&w, error);
    if (result) {
        free(out->bytes);
        out->bytes = NULL;
    }
    return result;
}
