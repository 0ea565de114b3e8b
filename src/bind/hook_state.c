/* SPDX-License-Identifier: MIT */
/* Hooks are put in, taken out, disabled, enabled. Invariants: each is one operation with
 * all locks held; where it fails, every hook is in the state that it was in. */

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "bind/apply.h"
#include "bind/bind.h"
#include "bind/hooks.h"
#include "bind/watch.h"

/* ---- states of chosen hooks ------------------------------------------------------------ */

static void touch(const struct hook *hook)
{
    for (struct link *l = hook->links; l; l = l->next_of_hook)
        l->chain->function->touched = true;
}

void hook_set_state(struct hook *hook, enum hook_state state)
{
    hook->chosen = true;
    hook->before = hook->state;
    hook->state = state;
    touch(hook);
}

void hook_restore_states(struct hook_job *job)
{
    (void)job;
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        if (hook->chosen) {
            hook->state = hook->before;
            hook->chosen = false;
        }
}

void hook_keep_states(struct hook_job *job)
{
    (void)job;
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        hook->chosen = false;
}

static void drop_chosen(struct hook_job *job)
{
    (void)job;
    for (struct hook *hook = hook_newest(), *older; hook; hook = older) {
        older = hook->older;
        if (hook->chosen)
            hook_drop(hook);
    }
}

/* ---- putting in and taking out ----------------------------------------------------------- */

static int prepare_apply(struct hook_job *job, const struct world *world)
{
    struct graft_plan *plan = job->arg;
    if (plan->generation != chain_generation())
        return error_set(job->error, GRAFT_ESTALE, "other hooks came or went since: make the plan again");
    int result = bind_same_objects(world, plan, job->error);
    for (struct hook *hook = result ? NULL : hook_newest(); hook; hook = hook->older)
        if (hook->plan == plan)
            hook_set_state(hook, hook->flags & GRAFT_HOOK_DISABLED ? HOOK_DISABLED : HOOK_ENABLED);
    return result;
}

int hook_plan_apply(struct graft_plan *plan, struct graft_error *error)
{
    struct hook_job job = { .plan = plan, .strict = true, .error = error, .prepare = prepare_apply,
                            .revert = hook_restore_states, .finish = hook_keep_states, .arg = plan };
    struct live_counts known = { plan->adds, plan->subs };
    int result = plan_check(plan, error);
    if (!result)
        result = watch_start(true, error);
    if (!result)
        result = hook_job_run(&job);
    if (result)
        return result;
    plan->state = PLAN_APPLIED;
    if (job.counts.adds != known.adds)
        watch_look();               /* what was loaded since the plan was made */
    return 0;
}

static int prepare_undo(struct hook_job *job, const struct world *world)
{
    (void)world;
    for (struct hook *hook = hook_newest(); hook; hook = hook->older)
        if (hook->plan == job->arg)
            hook_set_state(hook, HOOK_DISABLED);
    return 0;
}

static int report_left(const struct hook_job *job)
{
    if (!job->left)
        return 0;
    return error_set(job->error, GRAFT_ESTALE, "%zu slots were written by somebody else since: left; the rest is "
                     "undone", job->left);
}

int hook_plan_undo(struct graft_plan *plan, struct graft_error *error)
{
    struct hook_job job = { .error = error, .prepare = prepare_undo, .revert = hook_restore_states,
                            .finish = drop_chosen, .arg = plan };
    int result = hook_job_run(&job);
    if (result)
        return result;
    plan->state = PLAN_UNDONE;
    return report_left(&job);
}

/* ---- one hook ------------------------------------------------------------------------------ */

/* Which hook, and what becomes of it. */
struct change {
    const char *symbol;
    const void *replacement;
    const struct graft_plan *plan;  /* instead: all of a plan */
    bool drop;
    enum hook_state state;
};

static bool is_meant(const struct change *change, const struct hook *hook)
{
    if (hook->state == HOOK_PLANNED)
        return false;
    if (change->plan)
        return hook->plan == change->plan;
    return hook->replacement == change->replacement && !strcmp(hook->symbol, change->symbol);
}

static int prepare_change(struct hook_job *job, const struct world *world)
{
    const struct change *change = job->arg;
    bool any = false;
    for (struct hook *hook = hook_newest(); hook && (!any || change->plan); hook = hook->older)
        if (is_meant(change, hook)) {
            hook_set_state(hook, change->drop ? HOOK_DISABLED : change->state);
            any = true;
        }
    if (!any)
        return error_set(job->error, GRAFT_ESTATE, "there is no such hook");
    if (change->drop || change->state == HOOK_DISABLED)
        return 0;
    return hooks_cover_touched(job, world);
}

static int change_hooks(const struct change *change, struct graft_error *error)
{
    struct hook_job job = { .error = error, .prepare = prepare_change, .revert = hook_restore_states,
                            .finish = change->drop ? drop_chosen : hook_keep_states, .arg = (void *)change };
    int saved = errno;
    int result = hook_job_run(&job);
    bind_plan_free(job.plan);           /* the journal keeps it while its edits last */
    if (!result && change->drop)
        result = report_left(&job);
    errno = saved;
    return result;
}

int bind_unhook(const char *symbol, void *replacement)
{
    if (!symbol)
        return -GRAFT_EINVAL;
    return change_hooks(&(struct change){ .symbol = symbol, .replacement = replacement, .drop = true }, NULL);
}

int bind_hook_enable(const char *symbol, void *replacement, int enabled)
{
    if (!symbol)
        return -GRAFT_EINVAL;
    return change_hooks(&(struct change){ .symbol = symbol, .replacement = replacement,
                                          .state = enabled ? HOOK_ENABLED : HOOK_DISABLED }, NULL);
}

int bind_plan_enable(struct graft_plan *plan, int enabled, struct graft_error *error)
{
    error_clear(error);
    if (!plan->hooks || plan->state != PLAN_APPLIED)
        return error_set(error, GRAFT_ESTATE, "the plan has no hooks, or is not applied");
    return change_hooks(&(struct change){ .plan = plan, .state = enabled ? HOOK_ENABLED : HOOK_DISABLED }, error);
}

/* Plans and applies; what another thread overtook is planned again. */
int bind_hook(const char *symbol, void *replacement, void **original)
{
    struct graft_hook hook = { .size = sizeof hook, .symbol = symbol, .replacement = replacement,
                               .original = original };
    int result = -GRAFT_ESTALE;
    for (int try = 0; try < 8 && result == -GRAFT_ESTALE; try++) {
        struct graft_plan *plan;
        if ((result = bind_plan_hook(&plan, &hook, 1, NULL)))
            return result;
        result = bind_plan_apply(plan, NULL);
        bind_plan_free(plan);
    }
    return result;
}
