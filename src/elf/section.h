/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ELF_SECTION_H
#define GRAFT_ELF_SECTION_H

/* What only the section headers of a file tell: .symtab, .gnu_debuglink, and the
 * build-id of a separate debug file, which has no segments to read. No loader looks at
 * them; a stripped file has few, and none is an error. The bytes are untrusted and must
 * outlive what is opened here. */

#include "elf/symbol.h"

struct elf_section {
    const char *name;               /* "" where it has none; ended inside the file */
    uint32_t type, link, info;
    uint64_t flags, vaddr, offset, size, entry_size;
    const unsigned char *bytes;     /* size of them; NULL: not in the file (SHT_NOBITS), or outside it */
};

struct elf_sections {
    struct elf_image reader;        /* class and byte order, nothing else */
    const unsigned char *file;
    size_t size;
    struct elf_table headers;       /* all inside the file */
    const char *names;
    size_t names_size;              /* last byte is 0 */
};

/* Finds the section headers of the @size bytes of a file. 0 also where it has none.
 * -GRAFT_EFORMAT names the field. */
int elf_sections_open(struct elf_sections *, const void *bytes, size_t size, struct graft_error *);

/* Section @i; false past the last. */
bool elf_section_at(const struct elf_sections *, size_t i, struct elf_section *);

/* The first section of that name; false: none. */
bool elf_section_find(const struct elf_sections *, const char *name, struct elf_section *);

/* What .gnu_debuglink says: the name of the debug file and its CRC. False: no such
 * section, or a damaged one. */
bool elf_debuglink(const struct elf_sections *, const char **name, uint32_t *crc);

/* The build-id in a note section; returns its size, 0: none. */
size_t elf_sections_build_id(const struct elf_sections *, uint8_t id[ELF_BUILD_ID_MAX]);

/* The full symbol table of a file. */
struct elf_symtab {
    struct elf_sections file;
    struct elf_table symbols;       /* count 0: the file is stripped */
    struct elf_table extended;      /* section numbers of symbols with SHN_XINDEX */
    const char *strings;
    size_t strings_size;            /* last byte is 0 */
};

/* Opens .symtab in the @size bytes of a file. @image is that of the object whose symbols
 * are wanted: a file of another machine is refused; NULL: not compared. 0 also for a file
 * without; -GRAFT_EFORMAT, -GRAFT_EARCH. */
int elf_symtab_open(struct elf_symtab *, const struct elf_image *image, const void *bytes, size_t size,
                    struct graft_error *);

/* Symbol @i, false past the last or where its name lies outside. A section number that
 * does not fit into 16 bits stays SHN_XINDEX. Versions are part of the name here
 * ("foo@@V"), version is NULL. */
bool elf_symtab_at(const struct elf_symtab *, size_t i, struct elf_symbol *);

/* One name to look for, and what was found. */
struct elf_symtab_wanted {
    const char *name;
    unsigned found;                 /* different addresses: 0 none, 1, 2 for two or more */
    struct elf_symbol symbol;       /* the first one */
    uint32_t hash, first, next;     /* used while searching */
};

/* Looks for all @count names (fewer than 2^32) in one pass over the table, without
 * memory of its own. Symbols that define something count: global and weak ones, or, if
 * a name has none, local ones. "foo" finds "foo@@V" too, the default version, not
 * "foo@V". A TLS symbol's value is an offset, which the caller tells by its type. */
void elf_symtab_find(const struct elf_symtab *, struct elf_symtab_wanted *wanted, size_t count);

#endif
