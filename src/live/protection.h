/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIVE_PROTECTION_H
#define GRAFT_LIVE_PROTECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* One mapping with the protection it has now. */
struct region { uint64_t start, end; int protection; };

/* Answers which mapping holds an address: by asking the kernel for one address
 * (PROCMAP_QUERY, Linux 6.11), else from one reading of /proc/self/maps. */
struct protections {
    struct arena *arena;
    int file;                       /* /proc/self/maps, or -1 */
    bool query;                     /* the kernel answers single questions */
    struct region *region;          /* else all of them */
    size_t count;
};

/* Opens files, so: not inside the loader's lock. 0 or -GRAFT_ESYS, -GRAFT_ENOMEM. */
int protections_open(struct protections *, struct arena *);

/* Finds the mapping of @address; may be called inside the loader's lock. */
bool protections_find(const struct protections *, uint64_t address, struct region *);

void protections_close(struct protections *);

#endif
