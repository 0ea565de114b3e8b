/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_WORLD_H
#define GRAFT_PLAN_WORLD_H

/* What the planner looks at: all objects of a process, or of a set of files, as
 * images. Filled by live (this process), attach (another one) or file. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "elf/image.h"
#include "elf/symbol.h"

struct world_object {
    const char *path;               /* never NULL */
    const char *broken;             /* why the image cannot be read; NULL: it can */
    unsigned space;                 /* link-map namespace */
    bool is_main, is_vdso, is_loader;
    bool is_graft;                  /* graft and nothing else: not a program or library that holds a copy */
    bool is_stand_in;               /* made by graft in a duplicate's place; is_graft too */
    bool permanent;                 /* loaded at start: never unloaded */
    uint64_t link_map;              /* its address; identity together with the rest */
    uint64_t tls_module;            /* 0: none or not known */
    bool tls_static;                /* the block lies at tls_offset from every thread pointer */
    int64_t tls_offset;
    struct elf_image image;         /* what a search looks at stands in two cache lines with the above */
    const void *file;               /* of a file: its bytes, mapped; else NULL */
    size_t file_size;
};

struct world;

/* What only a world inside a process can do; each may be missing. */
struct world_abilities {
    /* Calls an IFUNC resolver at run-time address @resolver. */
    uint64_t (*resolve_ifunc)(uint64_t resolver);
    /* Memory that stays for good, for a TLS descriptor's argument. */
    void *(*keep)(size_t size);
};

struct world {
    struct arena arena;
    struct arena_list objects;      /* of struct world_object, in load order */
    size_t main;                    /* index; WORLD_NONE for a set of files */
    struct world_abilities can;
};

#define WORLD_NONE ((size_t)-1)

static inline struct world_object *world_object(const struct world *world, size_t i)
{
    return arena_list_at(&world->objects, i);
}

void world_init(struct world *);
struct world_object *world_add(struct world *);
void world_free(struct world *);

/* Run-time address range of an object: [start, end). */
static inline uint64_t world_start(const struct world_object *o)
{
    return o->image.bias + o->image.low;
}
static inline uint64_t world_end(const struct world_object *o)
{
    return o->image.bias + o->image.high;
}

/* Index of the object whose segments cover @address, or WORLD_NONE. */
size_t world_find_address(const struct world *, uint64_t address);

/* Index of the object with that link_map that starts there, or WORLD_NONE. */
size_t world_find_map(const struct world *, uint64_t link_map, uint64_t start);

/* Whether the glob @pattern matches an object's path, basename or SONAME; the
 * word "main" matches the main program. */
bool world_matches(const struct world *, size_t i, const char *pattern);

/* Whether one of the globs in @list matches, which has commas between them. "N:GLOB" only matches in link-map namespace N. */
bool world_matches_list(const struct world *, size_t i, const char *list);

/* Index of the object of @space that a DT_NEEDED of @name means, or WORLD_NONE. */
size_t world_find_needed(const struct world *, unsigned space, const char *name);

/* Sets of objects, one byte each, in @arena; NULL: out of memory. */
typedef unsigned char *world_set;
world_set world_set_new(const struct world *, struct arena *);

/* Adds to @set @root and all that its DT_NEEDED reach in its namespace; @order
 * (room for all objects) receives the added ones in breadth-first order, which is
 * the order of ld.so's local scope, and *count their number. */
void world_closure(const struct world *, size_t root, world_set set, size_t *order, size_t *count);

/* What @root brought along: its closure without what the main program's closure
 * holds. @root itself is always in it, first. */
int world_brought(const struct world *, struct arena *, size_t root, world_set set,
                  size_t *order, size_t *count);

/* Looks @wanted up in the objects of @order as ld.so would in a scope; the index
 * of the first object that defines it, or WORLD_NONE. */
size_t world_lookup(const struct world *, const size_t *order, size_t count,
                    const struct elf_wanted *, struct elf_symbol *out);

#endif
