/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_SYMFILE_VARIANT_H
#define GRAFT_SYMFILE_VARIANT_H

/* Which libraries a variant leaves out, and what that means for the names it takes from
 * them. Everything here is read from files, nothing is run. */

#include <graft/object.h>

#include "plan/world.h"

enum { VARIANT_LIBRARIES_MAX = 16, VARIANT_NAMES_MAX = 8 };

/* A needed library that is left out. Strings live as long as the world. */
struct variant_library {
    const char *name;               /* as DT_NEEDED spells it */
    size_t object;                  /* in the world; WORLD_NONE: not found */
    struct graft_runtime runtime;   /* tag NULL: none that is known */
};

/* Some names of many: the first few, and how many there are. */
struct variant_names {
    const char *name[VARIANT_NAMES_MAX];
    size_t count;
};

struct variant {
    struct variant_library library[VARIANT_LIBRARIES_MAX];
    size_t count;
    size_t functions, data, tls;    /* names that those libraries define and this one takes */
    size_t at_once;                 /* of these, what ld.so wants to find even with RTLD_LAZY */
    struct variant_names tls_names;
    struct variant_names other_version; /* that mean another version when they ask for none */
    struct variant_names absent;    /* that the new library does not define */
    const char *brings, *brought;   /* a library that stays needed and needs one that leaves */
};

/* Chooses what @loader needs and the variant does not: what the globs match (names,
 * paths, SONAMEs), or without globs the one needed library that holds a runtime. The
 * world holds what the loader needs. -GRAFT_ENOOBJ, -GRAFT_ENODUP, -GRAFT_EAMBIG,
 * -GRAFT_EREFUSED (relocations that no host can serve). */
int variant_choose(struct variant *, const struct world *, size_t loader, const char *const *globs, size_t count,
                   struct graft_error *);

/* Looks at every name that the loader takes from the chosen libraries. @onto: the object
 * that they will come from, WORLD_NONE: not known. -GRAFT_ENOMEM. */
int variant_examine(struct variant *, const struct world *, size_t loader, size_t onto, struct graft_error *);

/* Whether the needed library @name is left out. */
bool variant_drops(const struct variant *, const char *name);

/* The object that @name means to @loader, or WORLD_NONE. */
size_t variant_find(const struct world *, size_t loader, const char *name);

#endif
