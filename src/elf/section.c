/* SPDX-License-Identifier: MIT */
/* PURE: section headers. Invariant: a section's bytes are handed out only after offset
 * and size were found to lie inside the file, a string only if its table ends with a
 * zero byte; every pass is linear in the size of the file. */

#include "elf/section.h"

#include <elf.h>
#include <inttypes.h>

#include "base/error.h"

#define BAD(error, ...) error_set(error, GRAFT_EFORMAT, __VA_ARGS__)

/* The field of a struct that has the same name in both classes. */
#define WORD(s, p, type, field) \
    ((s)->reader.elf_class == ELFCLASS64 ? elf_get64(&(s)->reader, (p) + offsetof(Elf64_##type, field)) \
                                         : elf_get32(&(s)->reader, (p) + offsetof(Elf32_##type, field)))
#define HALF(s, p, type, field) \
    elf_get16(&(s)->reader, (p) + ((s)->reader.elf_class == ELFCLASS64 ? offsetof(Elf64_##type, field) \
                                                                       : offsetof(Elf32_##type, field)))
#define WORD32(s, p, type, field) \
    elf_get32(&(s)->reader, (p) + ((s)->reader.elf_class == ELFCLASS64 ? offsetof(Elf64_##type, field) \
                                                                       : offsetof(Elf32_##type, field)))

/* ---- headers ------------------------------------------------------------------- */

static const unsigned char *inside(const struct elf_sections *s, uint64_t offset, uint64_t size)
{
    return offset <= s->size && size <= s->size - offset ? s->file + offset : NULL;
}

static void read_section(const struct elf_sections *s, size_t i, struct elf_section *section)
{
    const unsigned char *p = s->headers.bytes + i * s->headers.entry_size;
    *section = (struct elf_section){
        .type = WORD32(s, p, Shdr, sh_type), .link = WORD32(s, p, Shdr, sh_link), .info = WORD32(s, p, Shdr, sh_info),
        .flags = WORD(s, p, Shdr, sh_flags), .vaddr = WORD(s, p, Shdr, sh_addr),
        .offset = WORD(s, p, Shdr, sh_offset), .size = WORD(s, p, Shdr, sh_size),
        .entry_size = WORD(s, p, Shdr, sh_entsize) };
    uint32_t name = WORD32(s, p, Shdr, sh_name);
    section->name = name < s->names_size ? s->names + name : "";
    if (section->type != SHT_NOBITS && section->type != SHT_NULL)
        section->bytes = inside(s, section->offset, section->size);
}

bool elf_section_at(const struct elf_sections *s, size_t i, struct elf_section *section)
{
    if (i >= s->headers.count)
        return false;
    read_section(s, i, section);
    return true;
}

/* A string table is usable if it is there and its last string ends. */
static bool read_strings(const struct elf_sections *s, uint32_t i, const char **strings, size_t *size)
{
    struct elf_section section;
    if (!elf_section_at(s, i, &section) || section.type != SHT_STRTAB || !section.bytes || !section.size
        || section.bytes[section.size - 1])
        return false;
    *strings = (const char *)section.bytes;
    *size = section.size;
    return true;
}

/* Counts that do not fit into the ELF header are in section 0 (gABI, e_shnum). */
static int open_headers(struct elf_sections *s, struct graft_error *error)
{
    const unsigned char *p = s->file;
    uint64_t offset = WORD(s, p, Ehdr, e_shoff), count = HALF(s, p, Ehdr, e_shnum);
    unsigned expected = s->reader.elf_class == ELFCLASS64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
    unsigned entry = HALF(s, p, Ehdr, e_shentsize);
    uint32_t names = HALF(s, p, Ehdr, e_shstrndx);
    struct elf_section zero;
    if (offset == 0)
        return 0;
    if (entry != expected)
        return BAD(error, "e_shentsize: %u, expected %u", entry, expected);
    if (!inside(s, offset, entry))
        return BAD(error, "e_shoff: the section headers begin outside the file");
    s->headers = (struct elf_table){ .bytes = s->file + offset, .count = 1, .entry_size = entry };
    elf_section_at(s, 0, &zero);
    if (count == 0)
        count = zero.size;
    if (names == SHN_XINDEX)
        names = zero.link;
    if (count > (s->size - offset) / entry) {
        s->headers.count = 0;
        return BAD(error, "e_shoff/e_shnum: the section headers end outside the file");
    }
    s->headers.count = count;
    if (names != SHN_UNDEF && !read_strings(s, names, &s->names, &s->names_size))
        return BAD(error, "e_shstrndx: section %" PRIu32 " is no string table inside the file", names);
    return 0;
}

int elf_sections_open(struct elf_sections *s, const void *bytes, size_t size, struct graft_error *error)
{
    struct elf_header header;
    memset(s, 0, sizeof *s);
    int result = elf_header_read(&header, bytes, size, error);
    if (result)
        return result;
    s->reader.machine = header.machine;
    s->reader.elf_class = header.elf_class;
    s->reader.swap = header.swap;
    s->file = bytes;
    s->size = size;
    return open_headers(s, error);
}

/* Compares no more of a section's name than there is of @name. */
bool elf_section_find(const struct elf_sections *s, const char *name, struct elf_section *section)
{
    for (size_t i = 0; elf_section_at(s, i, section); i++)
        if (!strcmp(section->name, name))
            return true;
    return false;
}

/* ---- links to debug files -------------------------------------------------------- */

/* A name, ended and padded to four bytes, then the CRC in the file's byte order. */
bool elf_debuglink(const struct elf_sections *s, const char **name, uint32_t *crc)
{
    struct elf_section section;
    if (!elf_section_find(s, ".gnu_debuglink", &section) || !section.bytes)
        return false;
    size_t length = strnlen((const char *)section.bytes, section.size);
    if (length == 0 || length == section.size)
        return false;
    size_t at = (length + 4) & ~(size_t)3;
    if (at > section.size || section.size - at < 4)
        return false;
    *name = (const char *)section.bytes;
    *crc = elf_get32(&s->reader, section.bytes + at);
    return true;
}

size_t elf_sections_build_id(const struct elf_sections *s, uint8_t id[ELF_BUILD_ID_MAX])
{
    struct elf_section section;
    struct elf_image notes = s->reader;
    for (size_t i = 0; elf_section_at(s, i, &section) && !notes.build_id_size; i++) {
        if (section.type != SHT_NOTE || !section.bytes)
            continue;
        notes.span[0] = (struct elf_span){ 0, section.size, section.bytes };
        notes.note[0] = (struct elf_segment){ .filesz = section.size };
        notes.span_count = notes.note_count = 1;
        elf_image_scan_notes(&notes);
    }
    memcpy(id, notes.build_id, notes.build_id_size);
    return notes.build_id_size;
}

/* ---- .symtab ----------------------------------------------------------------------- */

static bool find_type(const struct elf_sections *s, uint32_t type, struct elf_section *section, size_t *i)
{
    for (*i = 0; elf_section_at(s, *i, section); ++*i)
        if (section->type == type)
            return true;
    return false;
}

/* The section numbers that do not fit into a symbol of section @symtab. */
static void find_extended(struct elf_symtab *symtab, size_t owner)
{
    struct elf_section section;
    for (size_t i = 0; elf_section_at(&symtab->file, i, &section); i++)
        if (section.type == SHT_SYMTAB_SHNDX && section.link == owner && section.bytes)
            symtab->extended = (struct elf_table){ .bytes = section.bytes, .count = section.size / 4, .entry_size = 4 };
}

static bool is_kind(const struct elf_image *a, const struct elf_image *b)
{
    return a->machine == b->machine && a->elf_class == b->elf_class && a->swap == b->swap;
}

int elf_symtab_open(struct elf_symtab *symtab, const struct elf_image *image, const void *bytes, size_t size,
                    struct graft_error *error)
{
    struct elf_section section;
    size_t i;
    memset(symtab, 0, sizeof *symtab);
    int result = elf_sections_open(&symtab->file, bytes, size, error);
    if (result)
        return result;
    if (image && !is_kind(image, &symtab->file.reader))
        return error_set(error, GRAFT_EARCH, "e_machine: the symbols are those of another machine");
    if (!find_type(&symtab->file, SHT_SYMTAB, &section, &i))
        return 0;
    unsigned entry = symtab->file.reader.elf_class == ELFCLASS64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    if (section.entry_size != entry)
        return BAD(error, ".symtab: sh_entsize is %" PRIu64 ", expected %u", section.entry_size, entry);
    if (!section.bytes)
        return BAD(error, ".symtab: sh_offset+sh_size lies outside the file");
    if (!read_strings(&symtab->file, section.link, &symtab->strings, &symtab->strings_size))
        return BAD(error, ".symtab: sh_link %" PRIu32 " is no string table inside the file", section.link);
    symtab->symbols = (struct elf_table){ .bytes = section.bytes, .count = section.size / entry, .entry_size = entry };
    find_extended(symtab, i);
    return 0;
}

/* A symbol's section; what does not fit into 16 bits, or looks reserved, stays
 * SHN_XINDEX. */
static uint16_t section_of(const struct elf_symtab *symtab, size_t i, uint16_t section)
{
    if (section != SHN_XINDEX || i >= symtab->extended.count)
        return section;
    uint32_t number = elf_get32(&symtab->file.reader, symtab->extended.bytes + i * 4);
    return number < SHN_LORESERVE ? (uint16_t)number : SHN_XINDEX;
}

bool elf_symtab_at(const struct elf_symtab *symtab, size_t i, struct elf_symbol *symbol)
{
    const struct elf_sections *s = &symtab->file;
    if (i >= symtab->symbols.count)
        return false;
    const unsigned char *p = symtab->symbols.bytes + i * symtab->symbols.entry_size;
    bool wide = s->reader.elf_class == ELFCLASS64;
    unsigned char info = p[wide ? offsetof(Elf64_Sym, st_info) : offsetof(Elf32_Sym, st_info)];
    unsigned char other = p[wide ? offsetof(Elf64_Sym, st_other) : offsetof(Elf32_Sym, st_other)];
    uint32_t name = WORD32(s, p, Sym, st_name);
    *symbol = (struct elf_symbol){
        .name = name < symtab->strings_size ? symtab->strings + name : NULL,
        .value = WORD(s, p, Sym, st_value), .size = WORD(s, p, Sym, st_size), .index = (uint32_t)i,
        .section = section_of(symtab, i, HALF(s, p, Sym, st_shndx)),
        .type = ELF64_ST_TYPE(info), .bind = ELF64_ST_BIND(info), .visibility = ELF64_ST_VISIBILITY(other) };
    return symbol->name != NULL;
}

/* ---- many names at once -------------------------------------------------------------- */

enum { NOTHING = 0 };               /* ends a chain: entries are numbered from 1 */

static void chain_wanted(struct elf_symtab_wanted *wanted, size_t count, size_t *longest)
{
    *longest = 0;
    for (size_t i = 0; i < count; i++)
        wanted[i].first = wanted[i].next = NOTHING;
    for (size_t i = 0; i < count; i++) {
        struct elf_symtab_wanted *w = &wanted[i];
        size_t length = strlen(w->name);
        if (length > *longest)
            *longest = length;
        w->found = 0;
        w->hash = elf_hash_gnu(w->name);
        w->next = wanted[w->hash % count].first;
        wanted[w->hash % count].first = (uint32_t)(i + 1);
    }
}

static bool is_definition(const struct elf_symbol *symbol)
{
    return symbol->section != SHN_UNDEF && symbol->type != STT_SECTION && symbol->type != STT_FILE;
}

/* The hash of @name without a default version, and its length; false: longer than any
 * wanted name. So a table whose names are long costs no more than one of short names. */
static bool hash_name(const char *name, size_t longest, uint32_t *hash, size_t *length)
{
    uint32_t h = 5381;
    size_t i = 0;
    for (; name[i] && (name[i] != '@' || name[i + 1] != '@'); i++) {
        if (i == longest)
            return false;
        h = h * 33 + (unsigned char)name[i];
    }
    *hash = h;
    *length = i;
    return true;
}

/* Global symbols drive local ones out; of equal rank the first stays. */
static void take(struct elf_symtab_wanted *w, const struct elf_symbol *symbol)
{
    bool local = symbol->bind == STB_LOCAL, had_local = w->found && w->symbol.bind == STB_LOCAL;
    if (w->found && local && !had_local)
        return;
    if (!w->found || (had_local && !local)) {
        w->symbol = *symbol;
        w->found = 1;
    } else if (w->symbol.value != symbol->value
               || (w->symbol.type == STT_TLS) != (symbol->type == STT_TLS))
        w->found = 2;
}

void elf_symtab_find(const struct elf_symtab *symtab, struct elf_symtab_wanted *wanted, size_t count)
{
    struct elf_symbol symbol;
    size_t longest, length;
    uint32_t hash;
    if (count == 0)
        return;
    chain_wanted(wanted, count, &longest);
    for (size_t i = 0; i < symtab->symbols.count; i++) {
        if (!elf_symtab_at(symtab, i, &symbol) || !is_definition(&symbol)
            || !hash_name(symbol.name, longest, &hash, &length))
            continue;
        for (uint32_t k = wanted[hash % count].first; k != NOTHING; k = wanted[k - 1].next) {
            struct elf_symtab_wanted *w = &wanted[k - 1];
            if (w->hash == hash && !strncmp(w->name, symbol.name, length) && !w->name[length])
                take(w, &symbol);
        }
    }
}
