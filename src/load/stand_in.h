/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_STAND_IN_H
#define GRAFT_LOAD_STAND_IN_H

/* A shared object without code, made in memory:
 *
 *     ELF header, program headers
 *     .dynamic         SONAME, NEEDED, what follows
 *     init array       one word: a function of this process, or nothing
 *     note             "graft", type 2: what this is
 *     versions         base, then those asked for
 *     GNU hash         filter, buckets, chain     ┐
 *     symbols          SHN_ABS                    │ with room for more
 *     version indexes                             │
 *     strings                                     ┘
 *
 * One segment, which ld.so makes read-only once it is relocated (PT_GNU_RELRO). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stand_in_symbol {
    const char *name;
    const char *version;            /* NULL: none; else one of the object's versions */
    uint64_t address, size;
    uint8_t type;                   /* STT_… */
    bool hidden;                    /* not the name's default version: foo@V, not foo@@V */
};

/* What is to be made. Strings are copied. */
struct stand_in {
    const char *soname;
    const char *const *needed;
    size_t needed_count;
    const char *const *versions;    /* what the object defines, besides its base version */
    size_t version_count;
    const struct stand_in_symbol *symbols;
    size_t symbol_count;
    size_t more, more_strings;      /* room for further symbols, and for their names: bytes */
    void (*first)(int, char **, char **); /* runs before all constructors of a load; NULL: nothing */
};

enum { STAND_IN_NOTE = 2 };

/* Where things are in an object of this layout; offsets from its start. */
struct stand_in_layout {
    uint32_t buckets, bloom_words, room, used;  /* symbols: entries, entries taken (the null one too) */
    uint32_t dynamic, init, note, verdef, hash, symtab, versym, strings;
    uint32_t strings_room, strings_used;
    uint32_t size;
};

/* The layout for @wish; false: too large. */
bool stand_in_measure(const struct stand_in *wish, struct stand_in_layout *);

/* Writes it to @bytes, layout->size zeroed bytes, and sets what is used. */
void stand_in_write(unsigned char *bytes, const struct stand_in *wish, struct stand_in_layout *);

/* Adds a symbol to a loaded object at @bytes, writable, while other threads may look
 * symbols up in it: they see it or not. @version is the index of one of its versions
 * from 0 on, or -1. false: no room. */
bool stand_in_add(unsigned char *bytes, struct stand_in_layout *, const struct stand_in_symbol *, int version);

/* Whether it defines @name in that version. */
bool stand_in_has(unsigned char *bytes, const struct stand_in_layout *, const char *name, int version);

#endif
