/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_OBJECT_H
#define GRAFT_LIFT_OBJECT_H

/* A relocatable object of this machine that is being made: sections, symbols and
 * relocations are added in any order, then written once. */

#include <stddef.h>
#include <stdint.h>

#include <graft/graft.h>

#include "base/arena.h"

struct object_section {
    const char *name;
    uint32_t type;                  /* SHT_PROGBITS, SHT_NOBITS, … */
    uint64_t flags, align, size;
    const void *bytes;              /* size of them, until the object is written; NOBITS: NULL */
    struct arena_list relocs;       /* object_reloc */
    unsigned index;                 /* section number in the file */
};

struct object_symbol {
    const char *name;
    uint8_t bind, type, visibility;
    size_t section;                 /* of object_add_section; OBJECT_UNDEFINED */
    uint64_t value, size;
    uint32_t index;                 /* symbol number in the file */
    uint32_t string;
};

struct object_reloc { uint64_t offset; uint32_t type; uint32_t symbol; int64_t addend; };

/* Zeroed by object_init; all its memory is in its arena. */
struct object {
    struct arena arena;
    struct arena_list sections, symbols;
};

enum { OBJECT_UNDEFINED = -1 };

void object_init(struct object *);
void object_free(struct object *);

/* Each returns the number by which it is referred to, or -1 where memory is short, which
 * every later call passes on: the caller looks at object_write's answer only. @bytes stay
 * the caller's. Names are copied where they are symbols'. */
long object_add_section(struct object *, const char *name, uint32_t type, uint64_t flags, uint64_t align,
                        const void *bytes, uint64_t size);
long object_add_symbol(struct object *, const struct object_symbol *);
int object_add_reloc(struct object *, long section, uint64_t offset, uint32_t type, long symbol, int64_t addend);

/* Writes the object beside @path and renames it; nothing is left where it fails.
 * -GRAFT_ESYS, -GRAFT_ENOMEM. */
int object_write(struct object *, const char *path, uint16_t machine, struct graft_error *);

#endif
