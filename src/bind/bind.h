/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_BIND_H
#define GRAFT_BIND_BIND_H

/* Plans over this process, for the layers above: as the public functions, for
 * consumers that are known by the address of their link_map. */

#include "plan/plan.h"
#include "plan/rules.h"

/* The plan of one rule for the object with that link_map (0: whatever the rule's
 * glob matches). */
int bind_plan_rule(struct graft_plan **, const struct rule *, uint64_t link_map, struct graft_error *);

#endif
