/* SPDX-License-Identifier: MIT */
/* Slots that the loader, misled by an export, has bound to what came first before.
 * Invariant: once a sweep is over no slot leads to a hook that is gone, but for those of
 * threads that stood in the resolver all the while. */

#include <sys/single_threaded.h>

#include "bind/apply.h"
#include "bind/bind.h"
#include "bind/hooks.h"

/* As hooks_plan_functions, for slots that the loader, misled by an export, has bound to
 * what came first before. */
static int prepare_sweep(struct hook_job *job, const struct world *world)
{
    size_t n = 0, room = 0;
    for (const struct function *f = function_first(); f; f = f->next)
        for (const struct chain *c = f->chains; c; c = c->next)
            room++;
    world_set all = hooks_everybody(world, &job->arena);
    struct hook_function *function = arena_array(&job->arena, room, sizeof *function);
    if (!all || !function || !(job->plan = plan_new(0)))
        return -GRAFT_ENOMEM;
    for (struct function *f = function_first(); f; f = f->next) {
        const struct chain *wide = chain_wide(f);
        size_t owner = wide && wide->was ? world_find_map(world, f->link_map, f->start) : WORLD_NONE;
        for (struct chain *c = owner != WORLD_NONE ? f->chains : NULL; c; c = c->next)
            function[n++] = (struct hook_function){
                .symbol = f->symbol, .callers = c->callers, .from = f->from, .now = wide->was, .owner = owner,
                .to = c->now ? c->now : f->from, .chain = c };
    }
    job->plan->function = function;
    return n ? hook_slots(job->plan, world, all, function, n) : -GRAFT_ENOFUNC;
}

static void end_sweep(struct hook_job *job)
{
    for (struct function *f = function_first(); job->last && f; f = f->next)
        for (struct chain *c = f->chains; c; c = c->next) {
            c->was = 0;
            f->touched = true;      /* nothing holds it any more, perhaps */
        }
}

static bool any_was(void)
{
    bool any = false;
    journal_lock();
    for (const struct function *f = function_first(); f && !any; f = f->next)
        any = chain_wide(f) && chain_wide(f)->was;
    journal_unlock();
    return any;
}

/* A thread inside the resolver may still write the old address: the second look is for it. */
void hooks_sweep(void)
{
    for (int look = __libc_single_threaded ? 1 : 0; look < 2 && any_was(); look++) {
        struct hook_job job = { .prepare = prepare_sweep, .finish = end_sweep, .quiet = true, .sweeps = true,
                                .last = look == 1 };
        (void)hook_job_run(&job);
        if (job.plan)
            bind_plan_free(job.plan);
        if (!job.last)
            bind_wait();
    }
}
