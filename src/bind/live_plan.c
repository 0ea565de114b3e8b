/* SPDX-License-Identifier: MIT */
/* The public planners over this process. Invariant: planning happens with the
 * loader's lock held and writes nothing. */

#include "bind/bind.h"

#include <errno.h>

#include "base/error.h"
#include "bind/journal.h"
#include "live/live.h"
#include "plan/describe.h"
#include "plan/rebind.h"

struct request {
    struct graft_plan **plan;
    const struct graft_rebind *rebind;
    const char *isolate;
    unsigned flags;
    uint64_t link_map;              /* 0: by glob */
    struct graft_error *error;
};

static size_t find_map(const struct world *world, uint64_t link_map)
{
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_object(world, i)->link_map == link_map)
            return i;
    return WORLD_NONE;
}

static int plan_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct request *request = arg;
    size_t object = WORLD_NONE;
    world->can.keep = journal_keep;
    if (request->link_map && (object = find_map(world, request->link_map)) == WORLD_NONE)
        return error_set(request->error, GRAFT_ENOOBJ, "the handle belongs to no loaded object");
    if (object != WORLD_NONE && world_object(world, object)->broken)
        return error_about(request->error, GRAFT_EFORMAT, world_object(world, object)->path, "", "%s: %s",
                           world_object(world, object)->path, world_object(world, object)->broken);
    int result = request->isolate
               ? plan_isolate(request->plan, world, object, request->isolate, request->flags, request->error)
               : plan_rebind(request->plan, world, object, request->rebind, request->error);
    if (!result) {
        (*request->plan)->adds = counts->adds;
        (*request->plan)->subs = counts->subs;
    }
    return result;
}

static int plan_now(struct request *request)
{
    int saved = errno;
    int result = live_visit(plan_visit, request, request->error);
    errno = saved;
    return result;
}

/* A handle of glibc is the address of the link_map. */
int graft_plan_rebind(struct graft_plan **plan, const struct graft_rebind *rebind, struct graft_error *error)
{
    error_clear(error);
    if (!plan || !rebind || rebind->size < sizeof *rebind || !rebind->handle == !rebind->consumer)
        return error_set(error, GRAFT_EINVAL,
                         "a rebind names its size and its consumer, by handle or by name");
    return plan_now(&(struct request){ .plan = plan, .rebind = rebind, .error = error,
                                       .link_map = (uintptr_t)rebind->handle });
}

int graft_plan_isolate(struct graft_plan **plan, const char *objects, unsigned flags, struct graft_error *error)
{
    error_clear(error);
    if (!plan || !objects)
        return error_set(error, GRAFT_EINVAL, "isolate names its objects");
    return plan_now(&(struct request){ .plan = plan, .isolate = objects, .flags = flags, .error = error });
}

int bind_plan_rule(struct graft_plan **plan, const struct rule *rule, uint64_t link_map, struct graft_error *error)
{
    struct graft_rebind rebind = { .size = sizeof rebind, .consumer = rule->consumer, .from = rule->from,
                                   .onto = rule->onto, .only = rule->only, .flags = rule->flags };
    return plan_now(&(struct request){
        .plan = plan, .rebind = &rebind, .flags = rule->flags, .link_map = link_map, .error = error,
        .isolate = rule->kind == RULE_ISOLATE ? rule->consumer : NULL });
}

int graft_rebind(void *handle, struct graft_error *error)
{
    struct graft_rebind rebind = { .size = sizeof rebind, .handle = handle, .flags = GRAFT_CLOSURE };
    struct graft_plan *plan;
    int result = graft_plan_rebind(&plan, &rebind, error);
    if (result)
        return result;
    result = graft_plan_apply(plan, error);
    graft_plan_free(plan);
    return result;
}

static int describe_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct { struct graft_objects **out; struct graft_error *error; } *request = arg;
    (void)counts;
    return objects_describe(request->out, world, request->error);
}

int graft_objects_snapshot(struct graft_objects **objects, struct graft_error *error)
{
    struct { struct graft_objects **out; struct graft_error *error; } request = { objects, error };
    error_clear(error);
    return live_visit(describe_visit, &request, error);
}
