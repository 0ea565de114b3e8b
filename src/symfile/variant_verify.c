/* SPDX-License-Identifier: MIT */
/* Reads a variant back and holds it against the original. Invariant: it knows what a
 * variant is from the wish alone, nothing of how it was written; and it knows which
 * bytes may differ from what the original's tables say, so that a write beside them is
 * found. */

#include "symfile/variant_write.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "elf/symbol.h"
#include "symfile/variant_walk.h"

#define WRONG(error, ...) error_set(error, GRAFT_EFORMAT, "reading it back: " __VA_ARGS__)

enum { HIDDEN = 0x8000, TAG_POSFLAG_1 = 0x6ffffdfd };

struct pair {
    const struct elf_image *before, *after;
    const struct elf_sections *sections;        /* of the original */
    const unsigned char *before_bytes, *after_bytes;
    size_t before_size, after_size;
    const struct variant_wish *wish;
    size_t kept, unlinked;                  /* files of which versions are needed */
    bool moved;                             /* the string table */
};

/* ---- the dynamic section -------------------------------------------------- */

static bool emptied(const struct pair *pair)
{
    return pair->unlinked && !pair->kept;
}

static bool leaves(const struct pair *pair, size_t i)
{
    struct walk_entry entry = walk_dynamic(pair->before, i);
    if (pair->wish->onto)
        return false;
    switch (entry.tag) {
    case DT_NEEDED:
        return variant_wished(pair->wish, elf_image_string(pair->before, entry.value));
    case TAG_POSFLAG_1:
        return i + 1 < pair->before->dyn.count && walk_dynamic(pair->before, i + 1).tag == DT_NEEDED
            && leaves(pair, i + 1);
    case DT_VERNEED: case DT_VERNEEDNUM:
        return emptied(pair);
    case DT_VERSYM:
        return emptied(pair) && !(pair->before->verdef && pair->before->verdef_count);
    default:
        return false;
    }
}

static bool needed_same(const struct pair *pair, uint64_t was, uint64_t is)
{
    const char *before = elf_image_string(pair->before, was), *after = elf_image_string(pair->after, is);
    if (before && pair->wish->onto && variant_wished(pair->wish, before))
        before = pair->wish->onto;
    return before && after && !strcmp(before, after);
}

static bool entry_same(const struct pair *pair, size_t i, size_t k)
{
    struct walk_entry was = walk_dynamic(pair->before, i), is = walk_dynamic(pair->after, k);
    uint64_t up = (i - k) * pair->before->dyn.entry_size;
    if (was.tag != is.tag)
        return false;
    switch (was.tag) {
    case DT_NEEDED:                 return needed_same(pair, was.value, is.value);
    case DT_STRTAB: case DT_STRSZ:  return pair->moved || was.value == is.value;
    case DT_VERNEEDNUM:             return is.value == (pair->unlinked ? pair->kept : was.value);
    case DT_MIPS_RLD_MAP_REL:
        return is.value == was.value + (pair->before->machine == EM_MIPS ? up : 0);
    default:                        return was.value == is.value;
    }
}

static int dynamic_verify(const struct pair *pair, struct graft_error *error)
{
    size_t k = 0, entry = pair->before->dyn.entry_size;
    for (size_t i = 0; i < pair->before->dyn.count; i++) {
        if (leaves(pair, i))
            continue;
        if (k == pair->after->dyn.count || !entry_same(pair, i, k))
            return WRONG(error, "entry %zu of the dynamic section is not what entry %zu was", k, i);
        k++;
    }
    if (k != pair->after->dyn.count)
        return WRONG(error, "the dynamic section has more than %zu entries", k);
    for (size_t byte = k * entry; byte < pair->before->dyn.count * entry; byte++)
        if (pair->after->dyn.bytes[byte])
            return WRONG(error, "the dynamic section is followed by something else than DT_NULL");
    return 0;
}

/* ---- versions --------------------------------------------------------------- */

static bool versions_same(const struct pair *pair, const struct walk_file *was, const struct walk_file *is)
{
    struct walk_version a = walk_versions(pair->before, was), b = walk_versions(pair->after, is);
    if (was->versions != is->versions || elf_get16(pair->before, was->bytes) != elf_get16(pair->after, is->bytes))
        return false;
    while (a.at && b.at && a.index == b.index && a.flags == b.flags && a.hash == b.hash && !strcmp(a.name, b.name)) {
        a = walk_next_version(pair->before, &a);
        b = walk_next_version(pair->after, &b);
    }
    return !a.at && !b.at;
}

static int needs_verify(const struct pair *pair, struct graft_error *error)
{
    const struct variant_wish *wish = pair->wish;
    struct walk_file is = walk_files(pair->after), last = { 0 };
    for (struct walk_file was = walk_files(pair->before); was.at; was = walk_next_file(pair->before, &was)) {
        bool wished = variant_wished(wish, was.name);
        if (wished && !wish->onto)
            continue;
        if (!is.at || strcmp(is.name, wished ? wish->onto : was.name) || !versions_same(pair, &was, &is))
            return WRONG(error, "the versions needed of %s are not those that were", was.name);
        if (!pair->unlinked && was.next != is.next)
            return WRONG(error, "vn_next of %s is another", was.name);
        last = is;
        is = walk_next_file(pair->after, &is);
    }
    if (is.at || (pair->unlinked && last.next))
        return WRONG(error, "more versions are needed than those that were");
    return 0;
}

/* Whether version @index is explained by a file that leaves. */
static bool retired(const struct pair *pair, unsigned index)
{
    if (pair->wish->onto || index <= VER_NDX_GLOBAL)
        return false;
    for (struct walk_file f = walk_files(pair->before); f.at; f = walk_next_file(pair->before, &f))
        for (struct walk_version v = walk_versions(pair->before, &f); v.at; v = walk_next_version(pair->before, &v))
            if (v.index == index)
                return variant_wished(pair->wish, f.name);
    return false;
}

static bool text_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

/* Name and version of symbol @i, which would change with the strings that they use. */
static bool symbol_same(const struct pair *pair, uint32_t i, bool unversioned)
{
    struct elf_symbol was, is;
    bool had = elf_symbol_at(pair->before, i, &was), has = elf_symbol_at(pair->after, i, &is);
    if (!had || !has)
        return had == has;
    elf_symbol_version(pair->before, &was);
    elf_symbol_version(pair->after, &is);
    return !strcmp(was.name, is.name) && text_same(unversioned ? NULL : was.version, is.version);
}

static int symbols_verify(const struct pair *pair, struct graft_error *error)
{
    uint32_t count = variant_symbol_count(pair->before, pair->sections);
    const struct elf_table *versym = &pair->before->versym;
    for (uint32_t i = 0; i < count; i++) {
        const unsigned char *was = versym->bytes + (size_t)i * 2;
        bool versioned = i < versym->count;
        bool unversioned = versioned && retired(pair, elf_get16(pair->before, was) & ~(unsigned)HIDDEN);
        if (!symbol_same(pair, i, unversioned))
            return WRONG(error, "symbol %u has another name or version", i);
        if (versioned && elf_get16(pair->before, pair->after_bytes + (was - pair->before_bytes))
                         != (unversioned ? VER_NDX_GLOBAL : elf_get16(pair->before, was)))
            return WRONG(error, "symbol %u has another version index", i);
    }
    return 0;
}

/* ---- all other bytes ---------------------------------------------------------- */

/* Takes what may differ, @size bytes of the original from @at on, back into @scratch. */
static void forgive(const struct pair *pair, unsigned char *scratch, const void *at, size_t size)
{
    size_t offset = (size_t)((const unsigned char *)at - pair->before_bytes);
    memcpy(scratch + offset, at, size);
}

static void forgive_tables(const struct pair *pair, unsigned char *scratch)
{
    const struct elf_image *before = pair->before;
    forgive(pair, scratch, before->dyn.bytes, before->dyn.count * before->dyn.entry_size);
    for (struct walk_file f = walk_files(before); f.at; f = walk_next_file(before, &f))
        forgive(pair, scratch, f.bytes, sizeof(Elf64_Verneed));
    uint32_t count = variant_symbol_count(before, pair->sections);
    if (before->versym.count)
        forgive(pair, scratch, before->versym.bytes,
                2 * (count < before->versym.count ? count : before->versym.count));
    struct elf_section section;
    const unsigned char *header = walk_section(pair->sections, SHT_GNU_verneed, before->verneed, &section);
    if (header && pair->unlinked)
        forgive(pair, scratch, header + (before->elf_class == ELFCLASS64 ? offsetof(Elf64_Shdr, sh_info)
                                                                         : offsetof(Elf32_Shdr, sh_info)), 4);
}

static void forgive_name(const struct pair *pair, unsigned char *scratch)
{
    bool wide = pair->before->elf_class == ELFCLASS64;
    const char *strings = pair->before->strings;
    for (size_t i = 0; i < pair->before->dyn.count && !pair->moved; i++) {
        struct walk_entry entry = walk_dynamic(pair->before, i);
        const char *name = entry.tag == DT_NEEDED ? elf_image_string(pair->before, entry.value) : NULL;
        if (name && variant_wished(pair->wish, name))
            forgive(pair, scratch, name, strlen(name));
    }
    if (!pair->moved)
        return;
    forgive(pair, scratch, pair->before_bytes + (wide ? offsetof(Elf64_Ehdr, e_phoff) : offsetof(Elf32_Ehdr, e_phoff)),
            elf_word_size(pair->before));
    forgive(pair, scratch, pair->before_bytes + (wide ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum)),
            2);
    struct elf_section s;
    const struct elf_table *headers = &pair->sections->headers;
    for (size_t i = 0; elf_section_at(pair->sections, i, &s); i++)
        if (s.type == SHT_STRTAB && s.bytes == (const unsigned char *)strings)      /* sh_addr, sh_offset, sh_size */
            forgive(pair, scratch, headers->bytes + i * headers->entry_size
                    + (wide ? offsetof(Elf64_Shdr, sh_addr) : offsetof(Elf32_Shdr, sh_addr)),
                    3 * elf_word_size(pair->before));
}

static int rest_verify(const struct pair *pair, struct graft_error *error)
{
    unsigned char *scratch = malloc(pair->before_size);
    if (!scratch)
        return error_set(error, GRAFT_ENOMEM, "out of memory for the comparison");
    memcpy(scratch, pair->after_bytes, pair->before_size);
    forgive_tables(pair, scratch);
    if (pair->wish->onto)
        forgive_name(pair, scratch);
    size_t i = 0;
    while (i < pair->before_size && scratch[i] == pair->before_bytes[i])
        i++;
    free(scratch);
    return i == pair->before_size ? 0 : WRONG(error, "byte 0x%zx changed, which is in none of the tables", i);
}

static int strings_verify(const struct pair *pair, struct graft_error *error)
{
    const struct elf_image *before = pair->before, *after = pair->after;
    if (!text_same(before->soname, after->soname) || !text_same(before->runpath, after->runpath)
        || !text_same(before->rpath, after->rpath))
        return WRONG(error, "SONAME, RUNPATH or RPATH is another");
    if (!pair->moved)
        return pair->before_size == pair->after_size ? 0 : WRONG(error, "the size is another");
    if (after->strings_size < before->strings_size || memcmp(after->strings, before->strings, before->strings_size))
        return WRONG(error, "the moved string table is another");
    return pair->after_size >= pair->before_size ? 0 : WRONG(error, "the file is cut off");
}

/* What the two section headers that may differ say now. */
static int sections_verify(const struct pair *pair, struct graft_error *error)
{
    struct elf_sections sections;
    struct elf_section was, is;
    int result = elf_sections_open(&sections, pair->after_bytes, pair->after_size, error);
    for (size_t i = 0; !result && elf_section_at(pair->sections, i, &was); i++) {
        bool strings = pair->moved && was.type == SHT_STRTAB
                    && was.bytes == (const unsigned char *)pair->before->strings;
        bool needs = pair->unlinked && was.type == SHT_GNU_verneed && was.vaddr == pair->before->verneed;
        if (!elf_section_at(&sections, i, &is) || strcmp(is.name, was.name) || is.type != was.type
            || is.flags != was.flags || is.link != was.link || is.entry_size != was.entry_size
            || is.info != (needs ? pair->kept : was.info)
            || is.size != (strings ? pair->after->strings_size : was.size)
            || (strings ? is.bytes != (const unsigned char *)pair->after->strings : is.offset != was.offset)
            || (strings ? elf_image_at(pair->after, is.vaddr, is.size) != is.bytes : is.vaddr != was.vaddr))
            return WRONG(error, "the header of section %zu is not what it should be", i);
    }
    return result;
}

/* Whether the entry at @p is the added segment: read-only, from the program headers to the
 * end of the file, behind all others in memory. */
static bool is_added(const struct pair *pair, const struct elf_header *header, const unsigned char *p)
{
    const struct elf_segment *last = &pair->after->segment[pair->after->segment_count - 1];
    uint64_t size = pair->after_size - header->headers;
    unsigned word = elf_word_size(pair->after);
    const unsigned char *offset = p + (word == 8 ? offsetof(Elf64_Phdr, p_offset) : offsetof(Elf32_Phdr, p_offset));
    return elf_get32(pair->after, p) == PT_LOAD && elf_get_word(pair->after, offset) == header->headers
        && elf_get_word(pair->after, offset + word) == last->vaddr
        && elf_get_word(pair->after, offset + 2 * word) == last->vaddr      /* p_paddr */
        && last->offset == header->headers && last->flags == PF_R && last->filesz == size && last->memsz == size
        && last->align >= 4096 && !(last->align & (last->align - 1))
        && last->vaddr % last->align == last->offset % last->align
        && last->vaddr >= pair->before->high;
}

/* Whether the entry at @p is a PT_PHDR that tells where the program headers are now. */
static bool is_moved_table(const struct pair *pair, const struct elf_header *header, const unsigned char *p)
{
    const struct elf_image *after = pair->after;
    uint64_t size = header->count * header->entry_size, base = after->segment[after->segment_count - 1].vaddr;
    unsigned word = elf_word_size(after);
    const unsigned char *at = p + (word == 8 ? offsetof(Elf64_Phdr, p_offset) : offsetof(Elf32_Phdr, p_offset));
    const uint64_t wanted[] = { header->headers, base, base, size, size };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (elf_get_word(after, at + i * word) != wanted[i])
            return false;
    return elf_get32(after, p) == PT_PHDR;
}

/* The program headers: those that were, and one. PT_PHDR follows them. */
static int headers_verify(const struct pair *pair, struct graft_error *error)
{
    struct elf_header was, is;
    size_t added = 0;
    if (!pair->moved)
        return 0;
    elf_header_read(&was, pair->before_bytes, pair->before_size, NULL);
    elf_header_read(&is, pair->after_bytes, pair->after_size, NULL);
    if (is.count != was.count + 1 || is.headers < pair->before_size)
        return WRONG(error, "there is not one program header more, at the end");
    for (size_t i = pair->before_size; i < is.headers; i++)
        if (pair->after_bytes[i])
            return WRONG(error, "the program headers do not follow the file");
    for (size_t i = 0; i < is.count; i++) {
        const unsigned char *p = pair->after_bytes + is.headers + i * is.entry_size;
        const unsigned char *q = pair->before_bytes + was.headers + (i - added) * was.entry_size;
        bool same = i - added < was.count && !memcmp(p, q, is.entry_size);
        bool table = i - added < was.count && elf_get32(pair->before, q) == PT_PHDR && is_moved_table(pair, &is, p);
        if (!same && !added && is_added(pair, &is, p))
            added++;
        else if (!same && !table)
            return WRONG(error, "program header %zu is another", i);
    }
    return added ? 0 : WRONG(error, "no segment maps the new strings");
}

static void count_files(struct pair *pair)
{
    for (struct walk_file f = walk_files(pair->before); f.at; f = walk_next_file(pair->before, &f)) {
        bool leaves_chain = variant_wished(pair->wish, f.name) && !pair->wish->onto;
        pair->kept += !leaves_chain;
        pair->unlinked += leaves_chain;
    }
}

int variant_verify(const void *before, size_t before_size, const void *after, size_t after_size,
                   const struct variant_wish *wish, struct graft_error *error)
{
    struct elf_image was, is;
    struct elf_sections sections;
    struct pair pair = { .before = &was, .after = &is, .before_bytes = before, .before_size = before_size,
                         .after_bytes = after, .after_size = after_size, .wish = wish, .sections = &sections };
    int result = elf_image_open_file(&was, before, before_size, error);
    if (!result && !(result = elf_sections_open(&sections, before, before_size, error)))
        result = elf_image_open_file(&is, after, after_size, error);
    if (result)
        return result;
    count_files(&pair);
    pair.moved = wish->onto && was.strings_size != is.strings_size;
    if ((result = strings_verify(&pair, error)) || (result = dynamic_verify(&pair, error))
        || (result = needs_verify(&pair, error)) || (result = symbols_verify(&pair, error))
        || (result = headers_verify(&pair, error)) || (result = sections_verify(&pair, error)))
        return result;
    return rest_verify(&pair, error);
}
