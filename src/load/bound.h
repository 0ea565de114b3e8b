/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_BOUND_H
#define GRAFT_LOAD_BOUND_H

/* Consumers that were loaded by a decision. */

#include "plan/load.h"

/* To what one was bound; strings live for good. */
struct bound_to {
    uint64_t host_map;              /* the host's link_map; 0: none */
    bool hidden;                    /* the host does not show all that it has */
    const char *duplicate;          /* the file of its duplicate; NULL: none */
    struct graft_load wish;
};

/* @handle's consumer was loaded as @plan says: from now on its dlopen and dlsym are looked
 * at, if it uses them. Without locks held. */
void bound_add(const void *handle, const struct graft_load_plan *plan, const struct graft_load *wish);

/* To what the consumer is bound that holds the code at @address and uses the loader, or,
 * with a @handle, the one of that handle. false: it is none. */
bool bound_find(uintptr_t address, const void *handle, struct bound_to *);

/* Whether the loaded consumer is one of them. */
bool bound_is(uint64_t link_map);

/* The runtimes that were let in beside a host: their link_maps, in @arena; *count of them. */
const uint64_t *bound_duplicates(struct arena *arena, size_t *count);

/* Notes one. */
void bound_add_duplicate(uint64_t link_map, uint64_t start);

/* Something was unloaded. Without locks held. */
void bound_forget_closed(void);

#endif
