/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_APPLY_H
#define GRAFT_BIND_APPLY_H

#include <stddef.h>

#include "bind/slots.h"
#include "live/live.h"
#include "plan/plan.h"

/* Forgets edits that lie in objects which are no longer loaded. */
void bind_forget_closed(void);

/* Looks again at edits of slots that were not resolved yet when they were
 * written: a thread that was inside the resolver may have overwritten them.
 * Returns how many were written again. */
size_t bind_verify_lazy(void);

/* Looks at the lazy ones of @slots, which were written while @subs objects had ever been
 * closed, until nothing was lost for a while. Not with a lock held. */
void bind_settle(const struct slots *slots, unsigned long long subs);

/* Waits as long for threads that may be inside the resolver. */
void bind_wait(void);

/* In a visit, with the journal's lock: the journal forgets what was closed. */
void bind_forget(const struct world *, const struct live_counts *);

/* Puts back what the first @count of @slots held when they were written. */
void bind_take_back(const struct slots *slots, size_t count);

/* Whether all objects of @plan are in @world; else -GRAFT_ESTALE. */
int bind_same_objects(const struct world *, const struct graft_plan *plan, struct graft_error *);

/* Frees the plans that their owners have freed and that hold no edit any more. Not with
 * a lock held. */
void bind_reap(void);

/* Gives up the handles that kept a plan's targets loaded. Not with a lock held. */
void bind_unpin(void **pins, size_t count);

#endif
