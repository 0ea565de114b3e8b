/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_REBIND_H
#define GRAFT_PLAN_REBIND_H

/* The three plans that exist, over a world. Each returns 0 with *plan, or a
 * negative code; the caller frees *plan. */

#include "plan/plan.h"

/* As graft_plan_rebind, for any world. @consumer is an index, or WORLD_NONE for
 * all objects that the glob in @request matches. */
int plan_rebind(struct graft_plan **plan, const struct world *, size_t consumer,
                const struct graft_rebind *request, struct graft_error *);

/* As graft_plan_isolate. @object is an index, or WORLD_NONE for the glob. */
int plan_isolate(struct graft_plan **plan, const struct world *, size_t object, const char *glob,
                 unsigned flags, struct graft_error *);

/* Replaces functions by address in the objects of the set @in: each slot that
 * holds @function[i].from, or will resolve to its name, becomes .to. Objects that
 * cover one of the new addresses are left alone. */
struct replacement { const char *name; uint64_t from, to; };
int plan_replace(struct graft_plan **plan, const struct world *, const unsigned char *in,
                 const struct replacement *function, size_t count, struct graft_error *);

#endif
