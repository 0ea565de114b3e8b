/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_BOUND_H
#define GRAFT_LOAD_BOUND_H

/* The watch over dlopen and dlsym for loads: consumers that were bound to a host, whose
 * own asking for the runtime must lead to it, and globs of what is to be decided. */

#include "plan/load.h"

/* @handle's consumer was loaded as @plan says: from now on its dlopen and dlsym are looked
 * at, if it uses them, and, with a stand-in, everybody's. Without locks held. */
void bound_add(const void *handle, const struct graft_load_plan *plan, const struct graft_load *wish);

/* Whether the loaded consumer is one of them. */
bool bound_is(uint64_t link_map);

/* The duplicates that were let in because slots lead past them: their link_maps, in
 * @arena; *count of them. */
const uint64_t *bound_duplicates(struct arena *arena, size_t *count);

/* Notes one. */
void bound_add_duplicate(uint64_t link_map, uint64_t start);

#endif
