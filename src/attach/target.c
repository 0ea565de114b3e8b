/* SPDX-License-Identifier: MIT */
/* The public face of this layer. Invariant: each call looks at the target anew,
 * because it runs meanwhile; nothing that was read is kept between calls. */

#include <graft/attach.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/apply.h"
#include "attach/remember.h"
#include "attach/remote.h"
#include "base/error.h"
#include "file/decision.h"
#include "plan/describe.h"
#include "plan/rebind.h"

struct graft_target { struct process process; };

int graft_target_open(struct graft_target **out, pid_t pid, struct graft_error *error)
{
    struct graft_target *target = malloc(sizeof *target);
    error_clear(error);
    if (!target)
        return error_set(error, GRAFT_ENOMEM, "out of memory while opening process %d", pid);
    int result = process_open(&target->process, pid, error);
    if (result)
        free(target);
    else
        *out = target;
    return result;
}

void graft_target_close(struct graft_target *target)
{
    if (target)
        process_close(&target->process);
    free(target);
}

int graft_target_objects(struct graft_target *target, struct graft_objects **objects, struct graft_error *error)
{
    struct world world;
    error_clear(error);
    int result = remote_world(&world, &target->process, FETCH_TABLES, NULL, error);
    if (!result)
        result = objects_describe(objects, &world, error);
    world_free(&world);
    return result;
}

int graft_target_plan_rebind(struct graft_target *target, struct graft_plan **plan,
                             const struct graft_rebind *request, struct graft_error *error)
{
    struct world world;
    error_clear(error);
    if (!plan || !request || request->size < sizeof *request || request->handle || !request->consumer)
        return error_set(error, GRAFT_EINVAL, "a rebind from outside names its size and its consumer, by name");
    int result = remote_world(&world, &target->process, FETCH_TABLES, NULL, error);
    if (!result)
        result = plan_rebind(plan, &world, WORLD_NONE, request, error);
    world_free(&world);
    return result;
}

int graft_target_plan_isolate(struct graft_target *target, struct graft_plan **plan, const char *objects,
                              unsigned flags, struct graft_error *error)
{
    struct world world;
    error_clear(error);
    if (!plan || !objects)
        return error_set(error, GRAFT_EINVAL, "isolate names its objects");
    int result = remote_world(&world, &target->process, FETCH_TABLES, NULL, error);
    if (!result)
        result = plan_isolate(plan, &world, WORLD_NONE, objects, flags, error);
    world_free(&world);
    return result;
}

/* LD_LIBRARY_PATH as the process was started with it; NULL: none. The caller frees *text. */
static const char *library_path(pid_t pid, char **text)
{
    char path[64];
    size_t length = 0;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    ssize_t got = -1;
    *text = NULL;
    while (file && (got = getdelim(text, &length, 0, file)) > 0 && strncmp(*text, "LD_LIBRARY_PATH=", 16))
        ;
    if (file)
        fclose(file);
    return got > 0 ? *text + 16 : NULL;
}

int graft_target_plan_load(struct graft_target *target, struct graft_load_plan **plan, const char *path,
                           int dlopen_flags, const struct graft_load *wish, struct graft_error *error)
{
    struct world world;
    char *text;
    error_clear(error);
    if (!plan || !path || !*path || (wish && wish->size < sizeof *wish))
        return error_set(error, GRAFT_EINVAL, "a load names its file, and its wish its size");
    int result = remote_world(&world, &target->process, FETCH_TABLES, NULL, error);
    if (!result) {
        const char *folders = library_path(target->process.pid, &text);
        result = decision_make(plan, &world, path, dlopen_flags, wish, folders, error);
        free(text);
    }
    world_free(&world);
    return result;
}

void graft_target_plan_free(struct graft_plan *plan)
{
    plan_free(plan);
}

static int empty_result(struct graft_attach_result *result, struct graft_error *error)
{
    error_clear(error);
    if (!result || result->size < sizeof *result)
        return error_set(error, GRAFT_EINVAL, "a result names its size");
    *result = (struct graft_attach_result){ .size = result->size };
    return 0;
}

int graft_target_apply(struct graft_target *target, const struct graft_plan *plan, const char *label,
                       struct graft_attach_result *out, struct graft_error *error)
{
    int result = empty_result(out, error);
    return result ? result : attach_apply(&target->process, plan, label, out, error);
}

int graft_target_undo(struct graft_target *target, unsigned plan, struct graft_attach_result *out,
                      struct graft_error *error)
{
    int result = empty_result(out, error);
    return result ? result : attach_undo(&target->process, plan, out, error);
}

/* ---- what is applied ---------------------------------------------------- */

struct graft_attach_plans {
    struct arena arena;
    struct graft_attach_plan *plan;
    size_t count;
};

static int list_plans(struct graft_attach_plans **out, struct remembered *remembered, struct graft_error *error)
{
    size_t n = remembered->plans.count;
    struct graft_attach_plans *plans = arena_alloc(&remembered->arena, sizeof *plans);
    if (!plans || !(plans->plan = arena_array(&remembered->arena, n + 1, sizeof *plans->plan)))
        return error_set(error, GRAFT_ENOMEM, "out of memory while listing plans");
    for (size_t i = 0; i < n; i++) {
        const struct remembered_plan *from = remember_plan(remembered, i);
        plans->plan[i] = (struct graft_attach_plan){
            .size = sizeof *plans->plan, .plan = from->id, .interrupted = from->applying, .time = from->time,
            .slots = from->count, .label = from->label };
    }
    plans->count = n;
    plans->arena = remembered->arena;       /* the labels live there too */
    remembered->arena = (struct arena){ 0 };
    *out = plans;
    return 0;
}

int graft_target_plans(struct graft_target *target, struct graft_attach_plans **plans, struct graft_error *error)
{
    struct remembered remembered;
    error_clear(error);
    int result = remember_open(&remembered, &target->process, error);
    if (!result)
        result = list_plans(plans, &remembered, error);
    remember_close(&remembered);
    return result;
}

size_t graft_target_plans_count(const struct graft_attach_plans *plans)
{
    return plans->count;
}

const struct graft_attach_plan *graft_target_plans_get(const struct graft_attach_plans *plans, size_t i)
{
    return i < plans->count ? &plans->plan[i] : NULL;
}

void graft_target_plans_free(struct graft_attach_plans *plans)
{
    if (!plans)
        return;
    struct arena arena = plans->arena;
    arena_free(&arena);
}
