/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_DESCRIBE_H
#define GRAFT_PLAN_DESCRIBE_H

#include <graft/object.h>

#include "base/arena.h"
#include "plan/world.h"

/* A snapshot: descriptions of all objects of a world, with memory of its own. */
struct graft_objects {
    struct arena arena;
    struct graft_object *object;
    size_t count;
};

/* Describes @world; the caller frees *out with graft_objects_free. */
int objects_describe(struct graft_objects **out, const struct world *world, struct graft_error *error);

#endif
