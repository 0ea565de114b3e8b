/* SPDX-License-Identifier: MIT */
/* The public functions that change this process. Invariant: none of them acts here if
 * another copy of graft leads. */

#include "api/share.h"
#include "base/error.h"

#define FORWARD(layer, name, arguments, error_) \
    struct graft_error *told = error_; \
    error_clear(told); \
    const struct share *leader = share_leader(told); \
    return leader ? leader->layer##_##name arguments : -GRAFT_EOTHER;

#define PUBLIC_X(layer, name, parameters, arguments, error) \
    int graft_##name parameters \
    { \
        FORWARD(layer, name, arguments, error) \
    }

SHARED_DIRECTLY(PUBLIC_X)

/* Whose RUNPATH and namespace count is told by where the call came from. */
int graft_plan_load(struct graft_load_plan **plan, const char *path, int dlopen_flags, const struct graft_load *wish,
                    struct graft_error *error)
{
    FORWARD(load, plan, (plan, path, dlopen_flags, wish, __builtin_return_address(0), told), error)
}

int graft_load(const char *path, int dlopen_flags, const struct graft_load *wish, void **handle,
               struct graft_error *error)
{
    FORWARD(load, load, (path, dlopen_flags, wish, handle, __builtin_return_address(0), told), error)
}

int graft_load_watch(const char *globs, const struct graft_load *wish, struct graft_error *error)
{
    FORWARD(load, watch, (globs, wish, told), error)
}

/* A plan that was only built belongs to who built it, and may be freed anywhere. */
void graft_plan_free(struct graft_plan *plan)
{
    const struct share *leader = plan ? share_leader(NULL) : NULL;
    if (leader)
        leader->plan_free(plan);
    else
        plan_free(plan);
}
