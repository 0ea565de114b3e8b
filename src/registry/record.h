/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_REGISTRY_RECORD_H
#define GRAFT_REGISTRY_RECORD_H

/* What a module tells of itself in the finished executable: written by src/lift,
 * read by the registry at run time and by `graft ls` in the file.
 *
 *     section graft_modules (read-only):   record │ record │ record …
 *                                            │
 *                    base, path, headers ────┘ offsets from the field itself
 *
 * Invariant: no word of a record needs a relocation at run time, in a static-pie
 * either; every pointer is an offset from the address of its own field, 0 for none. The
 * section's ends are __start_graft_modules and __stop_graft_modules. */

#include <stdint.h>

typedef int64_t graft_offset;

/* The last two digits are the version of the format: a registry knows its own only. */
#define GRAFT_RECORD_MAGIC "GRAFTM02"
#define GRAFT_TABLE_MAGIC "GRAFTT02"

enum {
    GRAFT_RECORD_IMAGE = 1,         /* lifted: base, low, high, dynamic, headers say what it is */
    GRAFT_RECORD_SYMBOLS = 2,       /* packed: symbols say what it has */
    GRAFT_RECORD_LIB = 4,           /* others bind to it while linking */
    GRAFT_RECORD_UNIQUE = 8         /* it has unique symbols, which others may use for ever */
};

struct graft_record {
    char magic[8];
    uint32_t size, flags;           /* of this struct; GRAFT_RECORD_* */
    graft_offset path;              /* the file it was made of, or the one it stands for */
    graft_offset soname;            /* 0: none */
    graft_offset needed;            /* strings one after another, ended by an empty one */
    /* IMAGE */
    graft_offset base;              /* the byte that link address @low has become */
    uint64_t low, high;             /* page-aligned low; link addresses of all segments */
    uint64_t dynamic;               /* link address of its dynamic section */
    graft_offset headers;           /* Elf64_Phdr[header_count], as in the file */
    uint64_t header_count;
    graft_offset segments;          /* for each PT_LOAD a graft_offset to its first byte: they must keep
                                       their distances, which a link without the layout breaks */
    int64_t tls_offset;             /* of its TLS block from the thread pointer */
    uint64_t tls_size;              /* 0: no TLS */
    graft_offset late;              /* Elf64_Rela[late_count], which dlopen carries out: IRELATIVE, and words by */
    uint64_t late_count;            /* symbol that the link left open (indexes of its own .dynsym) */
    /* SYMBOLS */
    graft_offset symbols;           /* graft_record_symbol[symbol_count], sorted by strcmp */
    uint64_t symbol_count;
    graft_offset init, fini;        /* arrays of functions, graft_offset each */
    uint64_t init_count, fini_count;
    /* both */
    uint8_t digest[32];             /* SHA-256 of the file; zeroes: not known */
    uint64_t file_size;
    uint8_t build_id[32];
    uint64_t build_id_size;
};

struct graft_record_symbol {
    graft_offset name, value;       /* value: of TLS symbols the offset from the thread pointer itself */
    uint64_t size;
    uint32_t type, reserved;        /* STT_* */
};

/* The main program's own names, for dlopen(NULL), RTLD_DEFAULT and what modules ask of it:
 * in section .graft.main, written after the link. All positions count from the table's
 * start; symbols are sorted by value, then found through a hash table as DT_HASH has it
 * (buckets and chains of uint32_t, 1 + index, 0: end), with the GNU hash function. */
struct graft_table {
    char magic[8];                  /* all 0: not written */
    uint64_t size;                  /* of the whole table */
    uint32_t symbol_count, bucket_count;
    uint64_t symbols, buckets, chains, strings;
};

struct graft_table_symbol {
    int64_t value;                  /* from the table's start; of TLS symbols: from the thread pointer */
    uint64_t size;
    uint32_t name;                  /* offset in the strings */
    uint32_t hash;                  /* GNU hash of the name */
    uint8_t type;                   /* STT_*: GNU_IFUNC's value is the resolver */
    uint8_t library;                /* it is the C library's: last in every module's scope */
    uint8_t reserved[6];
};

static inline const void *graft_offset_at(const graft_offset *field)
{
    return *field ? (const char *)field + *field : (const void *)0;
}

/* Who finds what: symbols that src/lift refers to and the registry defines.
 *   __graft_tls_get_addr   instead of __tls_get_addr: {offset from the thread pointer, offset in it}
 *   __graft_thread_atexit  instead of __cxa_thread_atexit and __cxa_thread_atexit_impl
 *   __graft_tlsdesc        the entry of every TLSDESC pair, whose second word is the offset from the
 *                          thread pointer */

#endif
