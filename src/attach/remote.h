/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_REMOTE_H
#define GRAFT_ATTACH_REMOTE_H

/* Another process, as a world. */

#include "attach/fetch.h"
#include "attach/witness.h"
#include "plan/world.h"

/* What a look at a target tells besides its objects. */
struct remote_look {
    struct witness *witness;        /* notes the loader's list; NULL: not wanted */
    uint64_t interpreter;           /* bias of the loader itself */
};

/* Builds the world of the target without stopping it; the caller frees it with
 * world_free, also after a failure. With FETCH_SHAPE its objects have segments
 * and build-ids only. @look may be NULL.
 * -GRAFT_ESTATIC, -GRAFT_EBUSY, -GRAFT_EGONE, -GRAFT_EFORMAT, -GRAFT_ENOMEM. */
int remote_world(struct world *, const struct process *, enum fetch_depth, struct remote_look *,
                 struct graft_error *);

/* Notes the build-id of one object where it lies in the target's memory. */
int remote_witness(const struct world_object *, struct witness *);

#endif
