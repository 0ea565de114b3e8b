/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_LOADER_H
#define GRAFT_ATTACH_LOADER_H

/* The list of loaded objects as the target's own loader keeps it. */

#include <link.h>

#include "attach/process.h"
#include "attach/witness.h"
#include "base/arena.h"

/* What the kernel told the program when it started. */
struct loader_start {
    uint64_t headers, header_size, header_count;
    uint64_t interpreter, entry, vdso;
    bool interpreted;               /* it asked for a loader */
};

/* The public part of one link_map, as it was read. */
struct loader_map {
    uint64_t address;
    struct { uint64_t bias, name, dynamic, next, previous; } raw;
    unsigned space;
};

struct loader_list {
    struct arena arena;
    struct arena_list maps;         /* of struct loader_map, in load order */
    struct arena_list spaces;       /* of struct loader_space */
    struct loader_start start;
};

/* The r_debug of one namespace. */
struct loader_space {
    uint64_t address;
    size_t size;                    /* of what this version of it has */
    struct { int32_t version, pad; uint64_t map, brk; int32_t state, pad2; uint64_t base, next; } raw;
};

/* Reads the list without stopping the target: again until two readings agree, at
 * most for a while. The caller frees it, also after a failure.
 * -GRAFT_ESTATIC, -GRAFT_EBUSY, -GRAFT_EGONE, -GRAFT_EFORMAT, -GRAFT_ENOMEM. */
int loader_read(struct loader_list *, const struct process *, struct graft_error *);
void loader_free(struct loader_list *);

/* Notes the whole list, and that no object is being added or removed. */
int loader_witness(const struct loader_list *, struct witness *);

#endif
