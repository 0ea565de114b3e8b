/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_APPLY_H
#define GRAFT_BIND_APPLY_H

#include "plan/plan.h"

/* Forgets edits that lie in objects which are no longer loaded. */
void bind_forget_closed(void);

/* Looks again at edits of slots that were not resolved yet when they were
 * written: a thread that was inside the resolver may have overwritten them.
 * Returns how many were written again. */
size_t bind_verify_lazy(void);

#endif
