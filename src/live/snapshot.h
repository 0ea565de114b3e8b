/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIVE_SNAPSHOT_H
#define GRAFT_LIVE_SNAPSHOT_H

/* Reading the loader's lists into a world. All inside one dl_iterate_phdr. */

#include <limits.h>
#include <link.h>

#include "plan/world.h"

/* What is being read. */
struct snapshot {
    struct world *world;
    struct arena scratch;           /* of infos */
    struct arena_list infos;        /* what dl_iterate_phdr tells and link_map does not */
    const struct elf_patches *patches;
    bool in_motion;                 /* an object is still being loaded */
    char program[PATH_MAX];
};

/* Starts over with nothing read. */
void snapshot_begin(struct snapshot *);
void snapshot_end(struct snapshot *);

/* Reads what dl_iterate_phdr tells; non-zero: out of memory. */
int snapshot_collect(struct snapshot *);

/* An object of the loader's lists, all namespaces in order; map NULL: the end. */
struct walk { const struct debug *debug; const struct link_map *map; unsigned space; bool first; };
struct walk walk_start(const struct snapshot *);
void walk_next(struct walk *);

/* Adds the object to the world. -GRAFT_ENOMEM. */
int snapshot_add(struct snapshot *, const struct walk *);

/* Adds all and marks what the start needs. -GRAFT_ESTATIC, -GRAFT_ENOMEM. */
int snapshot_build(struct snapshot *, struct graft_error *);

#endif
