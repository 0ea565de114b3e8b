/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ELF_BUILDER_H
#define TESTS_ELF_BUILDER_H

/* Builds small ELF images of any class and byte order, so that what no linker at
 * hand writes can be tested and fuzzed. All is in one PT_LOAD:
 *
 *   header | program headers | dynamic | note | strings | symbols | versym
 *   | verdef | verneed | gnu hash | sysv hash | slots | rela | rel | plt | relr
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct build_symbol {
    const char *name;
    uint64_t value, size;
    uint16_t section;               /* 0: undefined */
    uint8_t type, bind, visibility;
    uint16_t version;               /* .gnu.version's word */
};

struct build_reloc {
    uint64_t slot;                  /* the how-manieth word of the slot area */
    const char *symbol;             /* NULL: symbol 0 */
    uint32_t type;
    int64_t addend;
};

struct build_version {
    const char *file;               /* NULL: a definition; else needed from here */
    const char *name;
    uint16_t index;
};

enum { BUILD_LIST_MAX = 16 };

/* A list ends at its first entry with a NULL name (relocs: at its count). */
struct build {
    uint8_t elf_class;
    bool big_endian;
    uint16_t machine;
    uint64_t base, entry;
    bool gnu_hash, sysv_hash;
    uint32_t hash_buckets;          /* 0: two */
    const char *soname, *runpath;
    const char *needed[BUILD_LIST_MAX];
    struct build_symbol symbols[BUILD_LIST_MAX];
    struct build_version versions[BUILD_LIST_MAX];
    struct build_reloc rela[BUILD_LIST_MAX], rel[BUILD_LIST_MAX], plt[BUILD_LIST_MAX];
    size_t rela_count, rel_count, plt_count;
    bool plt_is_rel, no_pltrel;
    size_t relr_count;
    const void *build_id;
    size_t build_id_size;
};

enum { BUILT_SIZE = 65536 };

/* The image, and where its parts are (file offsets; 0: not there). */
struct built {
    unsigned char *bytes;           /* from malloc, BUILT_SIZE of them */
    size_t size;
    const struct build *from;
    size_t headers, dynamic, note, strings, symbols, versym, verdef, verneed,
           gnu_hash, sysv_hash, rela, rel, plt, relr, slots;
    size_t symbol_count, dynamic_count;
};

void build_image(struct built *, const struct build *);
void built_free(struct built *);

/* Writes in the image's byte order; a word has the class's size. */
void built_put(struct built *, size_t at, unsigned size, uint64_t value);
uint64_t built_get(const struct built *, size_t at, unsigned size);
unsigned built_word(const struct built *);

/* Where the value of the first dynamic entry with @tag is; the test fails without. */
size_t built_dynamic(const struct built *, uint64_t tag);

#endif
