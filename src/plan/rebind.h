/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_REBIND_H
#define GRAFT_PLAN_REBIND_H

/* The plans over a world that move references. Each returns 0 with *plan, or a
 * negative code; the caller frees *plan. */

#include "plan/plan.h"

/* As graft_plan_rebind, for any world. @consumer is an index, or WORLD_NONE for
 * all objects that the glob in @request matches. */
int plan_rebind(struct graft_plan **plan, const struct world *, size_t consumer,
                const struct graft_rebind *request, struct graft_error *);

/* As graft_plan_isolate. @object is an index, or WORLD_NONE for the glob. */
int plan_isolate(struct graft_plan **plan, const struct world *, size_t object, const char *glob,
                 unsigned flags, struct graft_error *);

#endif
