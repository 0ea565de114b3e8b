/* SPDX-License-Identifier: MIT */
/* The public functions that change this process. Invariant: none of them acts here if
 * another copy of graft leads. */

#include "base/error.h"
#include "bind/share.h"

#define PUBLIC_X(result, name, parameters, arguments, error_) \
    result graft_##name parameters \
    { \
        struct graft_error *told = error_; \
        error_clear(told); \
        const struct share *leader = share_leader(told); \
        return leader ? leader->name arguments : -GRAFT_EOTHER; \
    }

SHARED_FUNCTIONS(PUBLIC_X)

/* A plan that was only built belongs to who built it, and may be freed anywhere. */
void graft_plan_free(struct graft_plan *plan)
{
    const struct share *leader = plan ? share_leader(NULL) : NULL;
    if (leader)
        leader->plan_free(plan);
    else
        plan_free(plan);
}
