/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_SITE_H
#define GRAFT_CLI_SITE_H

#include <graft/attach.h>

#include "plan/plan.h"
#include "plan/rules.h"
#include "plan/world.h"

/* Where a rule is planned: in a process, or in a set of files. */
struct site {
    struct graft_target *target;    /* NULL: files */
    const struct world *world;
};

/* The plan of one rule; the caller frees it with plan_free. */
int site_plan(const struct site *, const struct rule *, struct graft_plan **, struct graft_error *);

#endif
