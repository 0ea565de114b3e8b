/* SPDX-License-Identifier: MIT */
/* What becomes of hooks when libraries come and go. Invariants: what comes is hooked
 * where the hooks' filters say so; a replacement is called only while its library is
 * loaded; a hook whose function goes waits for another one. */

#include "base/error.h"
#include "bind/apply.h"
#include "bind/bind.h"
#include "bind/exports.h"
#include "bind/hooks.h"
#include "bind/watch.h"

struct arrival { bool (*fresh)(const struct world_object *, void *arg); void *arg; bool moved; };

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

/* A plan was undone or applied below: the slot is another function's now. */
static void touch_moved(void)
{
    for (struct function *f = function_first(); f; f = f->next)
        for (const struct chain *c = f->chains; c; c = c->next)
            for (const struct journal_edit *e = c->edits; e; e = e->next_in_chain)
                f->touched |= !hook_edit_belongs(e);
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
    if (arrival->moved)
        touch_moved();
    if (link_waiting(world, fresh, &job->arena))
        return -GRAFT_ENOMEM;
    return hooks_plan_functions(job->plan, world, any_touched() ? all : fresh, false);
}

static void late(struct arrival *arrival)
{
    struct hook_job job = { .prepare = prepare_late, .arg = arrival };
    (void)hook_job_run(&job);
    bind_plan_free(job.plan);
}

void hooks_late(bool (*fresh)(const struct world_object *, void *arg), void *arg)
{
    late(&(struct arrival){ fresh, arg, false });
}

static int prepare_export(struct hook_job *job, const struct world *world)
{
    for (struct function *f = function_first(); f; f = f->next)
        if (function_is_put_off(f))
            f->touched = f->exported = true;
    return any_touched() ? hooks_cover_touched(job, world) : -GRAFT_ESTATE;
}

static void put_off_again(struct hook_job *job)
{
    (void)job;
    for (struct function *f = function_first(); f; f = f->next)
        f->exported &= !f->touched;
}

void hooks_export(void)
{
    struct hook_job job = { .prepare = prepare_export, .revert = put_off_again, .quiet = true };
    if (!functions_put_off())
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
        late(&(struct arrival){ every, NULL, true });
}

/* Whether something that the hook needs is in the objects of @set, or (NULL) in none. */
static bool holder_in(const struct world *world, const struct hook *hook, const unsigned char *set)
{
    for (unsigned k = 0; k < HOOK_HOLDERS; k++) {
        size_t i = hook->holder[k].link_map ? world_find_map(world, hook->holder[k].link_map, hook->holder[k].start)
                                            : WORLD_NONE;
        if (hook->holder[k].link_map && (set ? i != WORLD_NONE && set[i] : i == WORLD_NONE))
            return true;
    }
    return false;
}

void hooks_forget(const struct world *world)
{
    for (struct hook *hook = hook_newest(), *older; hook; hook = older) {
        older = hook->older;
        if (holder_in(world, hook, NULL))
            hook_drop(hook);
    }
    for (struct function *f = function_first(); f; f = f->next)
        if (world_find_map(world, f->link_map, f->start) == WORLD_NONE) {
            watch_gone(f);
            function_gone(f);
            chain_changed();
        } else if (f->touched)
            function_set_originals(f);
    function_settled();
    exports_list();
    function_tidy();
}

/* ---- closing ------------------------------------------------------------------ */

static size_t count_hooks(void)
{
    size_t n = 0;
    for (const struct hook *hook = hook_newest(); hook; hook = hook->older)
        n++;
    return n;
}

/* What closing an object may take with it. */
static int prepare_closing(struct hook_job *job, const struct world *world)
{
    struct hooks_closing *closing = job->arg;
    size_t *order = arena_array(&job->arena, world->objects.count, sizeof *order), count = 0, root = 0;
    world_set going = world_set_new(world, &job->arena);
    closing->age = arena_array(&closing->arena, count_hooks(), sizeof *closing->age);
    while (root < world->objects.count && world_object(world, root)->link_map != closing->link_map)
        root++;
    if (!order || !going || !closing->age || root == world->objects.count)
        return -GRAFT_ENOOBJ;
    world_closure(world, root, going, order, &count);
    for (struct hook *hook = hook_newest(); hook; hook = hook->older) {
        if (hook->state == HOOK_PLANNED || !holder_in(world, hook, going))
            continue;
        closing->age[closing->count++] = hook->age;
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
        for (unsigned k = 0; k < HOOK_HOLDERS; k++)
            any |= hook->holder[k].link_map != 0;
    journal_unlock();
    return any;
}

void hooks_closing(struct hooks_closing *closing)
{
    struct hook_job job = { .prepare = prepare_closing, .revert = hook_restore_states, .finish = hook_keep_states,
                            .arg = closing };
    if (any_held())
        (void)hook_job_run(&job);
}

static bool was_marked(const struct hooks_closing *closing, const struct hook *hook)
{
    for (size_t i = 0; i < closing->count; i++)
        if (closing->age[i] == hook->age)
            return true;
    return false;
}

/* What is still there is called again, once nobody is closing it any more; hooks of what
 * has gone were dropped. */
static int prepare_stayed(struct hook_job *job, const struct world *world)
{
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        if (was_marked(job->arg, hook) && !--hook->closing && hook->suspended) {
            hook->suspended = false;
            hook_set_state(hook, HOOK_ENABLED);
        }
    return hooks_cover_touched(job, world);
}

void hooks_stayed(struct hooks_closing *closing)
{
    struct hook_job job = { .prepare = prepare_stayed, .revert = hook_restore_states, .finish = hook_keep_states,
                            .arg = closing };
    if (closing->count) {
        (void)hook_job_run(&job);
        bind_plan_free(job.plan);
    }
    arena_free(&closing->arena);
}
