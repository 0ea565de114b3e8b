/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_APPLY_H
#define GRAFT_BIND_APPLY_H

#include <stddef.h>

#include "plan/plan.h"

/* Forgets edits that lie in objects which are no longer loaded. */
void bind_forget_closed(void);

/* Looks again at edits of slots that were not resolved yet when they were
 * written: a thread that was inside the resolver may have overwritten them.
 * Returns how many were written again. */
size_t bind_verify_lazy(void);

/* Gives up the handles that kept a plan's targets loaded. Not with a lock held. */
void bind_unpin(void **pins, size_t count);

#endif
