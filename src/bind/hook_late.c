/* SPDX-License-Identifier: MIT */
/* What becomes of hooks when libraries come and go. Invariants: what comes is hooked
 * where the hooks' filters say so; a replacement is called only while its library is
 * loaded; a hook whose function goes waits for another one. */

#include "base/error.h"
#include "bind/apply.h"
#include "bind/bind.h"
#include "bind/hooks.h"
#include "bind/watch.h"

struct arrival { bool (*fresh)(const struct world_object *, void *arg); void *arg; };

/* Hooks whose function may be among what came. */
static bool waits(const struct hook *hook)
{
    return hook->state != HOOK_PLANNED && (!hook->links || !hook->original);
}

static int link_waiting(const struct world *world, const unsigned char *fresh, struct arena *scratch)
{
    for (struct hook *hook = hook_newest(); hook; hook = hook->older) {
        struct hook_wanted wanted = { .symbol = hook->symbol, .version = hook->version, .of = hook->of,
                                      .gnu_hash = elf_hash_gnu(hook->symbol) };
        if (!waits(hook))
            continue;
        if (hook_find(world, fresh, &wanted, 1, scratch))
            return -GRAFT_ENOMEM;
        if (wanted.first)
            (void)hook_link_found(hook, world, &wanted, NULL);
    }
    return 0;
}

static bool any_touched(void)
{
    for (const struct function *f = function_first(); f; f = f->next)
        if (f->touched)
            return true;
    return false;
}

static int prepare_late(struct hook_job *job, const struct world *world)
{
    const struct arrival *arrival = job->arg;
    world_set all = hooks_everybody(world, &job->arena), fresh = world_set_new(world, &job->arena);
    if (!all || !fresh || !(job->plan = plan_new(0)))
        return -GRAFT_ENOMEM;
    for (size_t i = 0; i < world->objects.count; i++)
        fresh[i] = all[i] && arrival->fresh(world_object(world, i), arrival->arg);
    watch_gates(world);
    if (link_waiting(world, fresh, &job->arena))
        return -GRAFT_ENOMEM;
    return hooks_plan_functions(job->plan, world, any_touched() ? all : fresh, false);
}

void hooks_late(bool (*fresh)(const struct world_object *, void *arg), void *arg)
{
    struct arrival arrival = { fresh, arg };
    struct hook_job job = { .prepare = prepare_late, .arg = &arrival };
    (void)hook_job_run(&job);
    bind_plan_free(job.plan);
}

static int prepare_export(struct hook_job *job, const struct world *world)
{
    world_set all = hooks_everybody(world, &job->arena);
    bool any = false;
    if (!all || !(job->plan = plan_new(0)))
        return -GRAFT_ENOMEM;
    for (struct function *f = function_first(); f; f = f->next) {
        const struct chain *wide = chain_wide(f);
        if (f->exported || !wide || !wide->now)
            continue;
        f->exported = any = true;
    }
    return any ? hooks_plan_functions(job->plan, world, all, false) : -GRAFT_ESTATE;
}

void hooks_export(void)
{
    struct hook_job job = { .prepare = prepare_export, .quiet = true };
    if (!hooks_put_off(false))
        return;
    (void)hook_job_run(&job);
    bind_plan_free(job.plan);
}

static bool every(const struct world_object *object, void *arg)
{
    (void)object;
    (void)arg;
    return true;
}

void hooks_again(void)
{
    journal_lock();
    bool any = hook_newest() != NULL;
    journal_unlock();
    if (any)
        hooks_late(every, NULL);
}

void hooks_forget(const struct world *world)
{
    for (struct hook *hook = hook_newest(), *older; hook; hook = older) {
        older = hook->older;
        if (hook->holder.link_map && world_find_map(world, hook->holder.link_map, hook->holder.start) == WORLD_NONE)
            hook_drop(hook);
    }
    for (struct function *f = function_first(); f; f = f->next)
        if (world_find_map(world, f->link_map, f->start) == WORLD_NONE) {
            function_gone(f);
            chain_changed();
        } else if (f->touched)
            function_set_originals(f);
    function_settled();
    hooks_list_exports();
    function_tidy();
}

/* What closing an object may take with it. */
static int prepare_closing(struct hook_job *job, const struct world *world)
{
    const uint64_t *link_map = job->arg;
    size_t *order = arena_array(&job->arena, world->objects.count, sizeof *order), count = 0, root = 0;
    world_set going = world_set_new(world, &job->arena);
    while (root < world->objects.count && world_object(world, root)->link_map != *link_map)
        root++;
    if (!order || !going || root == world->objects.count)
        return -GRAFT_ENOOBJ;
    world_closure(world, root, going, order, &count);
    for (struct hook *hook = hook_newest(); hook; hook = hook->older) {
        size_t holder = hook->holder.link_map ? world_find_map(world, hook->holder.link_map, hook->holder.start) : WORLD_NONE;
        if (holder == WORLD_NONE || !going[holder] || hook->state == HOOK_PLANNED)
            continue;
        hook->closing++;
        if (hook->state == HOOK_ENABLED) {
            hook->suspended = true;
            hook_set_state(hook, HOOK_DISABLED);
        }
    }
    return 0;
}

static bool any_held(void)
{
    bool any = false;
    journal_lock();
    for (const struct hook *hook = hook_newest(); hook && !any; hook = hook->older)
        any = hook->holder.link_map != 0;
    journal_unlock();
    return any;
}

bool hooks_closing(uint64_t link_map)
{
    struct hook_job job = { .prepare = prepare_closing, .revert = hook_restore_states, .finish = hook_keep_states,
                            .arg = &link_map };
    return any_held() && !hook_job_run(&job);
}

/* What is still there is called again; hooks of what has gone were dropped. */
static int prepare_stayed(struct hook_job *job, const struct world *world)
{
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        if (hook->closing && !--hook->closing && hook->suspended) {
            hook->suspended = false;
            hook_set_state(hook, HOOK_ENABLED);
        }
    world_set set = hooks_everybody(world, &job->arena);
    job->plan = set ? plan_new(0) : NULL;
    return job->plan ? hooks_plan_functions(job->plan, world, set, true) : -GRAFT_ENOMEM;
}

void hooks_stayed(void)
{
    struct hook_job job = { .prepare = prepare_stayed, .revert = hook_restore_states, .finish = hook_keep_states };
    (void)hook_job_run(&job);
    bind_plan_free(job.plan);
}
