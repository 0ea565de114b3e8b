/* SPDX-License-Identifier: MIT */
/* Plans hooks: which functions are meant, which slots lead to them. Invariants: planning
 * links hooks that nobody calls yet, and writes no slot; a plan that is freed unapplied
 * leaves nothing behind. */

#include "bind/hooks.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "bind/apply.h"
#include "bind/bind.h"

/* ---- objects ------------------------------------------------------------------ */

world_set hooks_everybody(const struct world *world, struct arena *arena)
{
    world_set set = world_set_new(world, arena);
    for (size_t i = 0; set && i < world->objects.count; i++)
        set[i] = !world_object(world, i)->is_graft;
    return set;
}

/* ---- planning -------------------------------------------------------------------- */

static bool is_asked(const struct chain *chain, const struct graft_plan *plan)
{
    for (const struct link *l = chain->links; l; l = l->next)
        if (l->hook->state == HOOK_PLANNED && l->hook->plan == plan)
            return true;
    return false;
}

/* An export costs a page of its own and its opening. */
enum { EXPORTS_AT_ONCE = 128 };

static size_t count_chains(bool touched)
{
    size_t n = 0;
    for (const struct function *f = function_first(); f; f = f->next)
        for (const struct chain *c = f->touched || !touched ? f->chains : NULL; c; c = c->next)
            n++;
    return n;
}

/* Where the function is defined, looked for first where it was the last time. */
static size_t owner_of(const struct world *world, struct function *function)
{
    size_t i = function->seen_at;
    if (i >= world->objects.count || world_object(world, i)->link_map != function->link_map
        || world_start(world_object(world, i)) != function->start)
        i = world_find_map(world, function->link_map, function->start);
    if (i != WORLD_NONE)
        function->seen_at = i;
    return i;
}

int hooks_plan_functions(struct graft_plan *plan, const struct world *world, const unsigned char *set, bool touched)
{
    struct hook_function *function = arena_array(&plan->arena, count_chains(touched), sizeof *function);
    size_t n = 0;
    bool put_off = count_chains(touched) > EXPORTS_AT_ONCE;
    if (!function && count_chains(touched))
        return -GRAFT_ENOMEM;
    for (struct function *f = function_first(); f; f = f->next) {
        size_t owner = f->touched || !touched ? owner_of(world, f) : WORLD_NONE;
        for (struct chain *c = owner != WORLD_NONE ? f->chains : NULL; c; c = c->next) {
            uintptr_t target = chain_target(c, plan);
            if (!target || (f->gate && !chain_is_wide(c)))
                continue;
            function[n++] = (struct hook_function){
                .symbol = f->symbol, .callers = c->callers, .from = f->from, .now = c->now, .to = target, .owner = owner,
                .index = f->index, .exported = chain_is_wide(c) && (f->exported || !put_off), .asked = is_asked(c, plan), .chain = c };
        }
    }
    plan->function = function;
    plan->function_count = n;
    return hook_slots(plan, world, set, function, n);
}

int hooks_cover_touched(struct hook_job *job, const struct world *world)
{
    world_set all = hooks_everybody(world, &job->arena);
    job->plan = all ? plan_new(0) : NULL;
    if (job->plan && !hooks_plan_functions(job->plan, world, all, true))
        return 0;
    return error_set(job->error, GRAFT_ENOMEM, "out of memory while hooking");
}

/* ---- which function a hook means -------------------------------------------------- */

static int link_to(struct hook *hook, const struct world *world, const struct hook_definition *d)
{
    const struct world_object *object = world_object(world, d->object);
    struct function *function = function_of(hook->symbol, (uintptr_t)d->address, true);
    if (!function || !function_place(function, object->path, object->link_map, world_start(object), d->symbol.index))
        return -GRAFT_ENOMEM;
    function->seen_at = d->object;
    return hook_link(hook, function);
}

static int ambiguous_error(const struct world *world, const struct hook_wanted *wanted, struct graft_error *error)
{
    char names[300];
    struct text_buffer text = { names, sizeof names, 0 };
    for (const struct hook_definition *d = wanted->first; d; d = d->next)
        text_append(&text, "%s%s", d == wanted->first ? "" : ", ", world_object(world, d->object)->path);
    return error_about(error, GRAFT_EAMBIG, world_object(world, wanted->first->object)->path, wanted->symbol,
                       "%s is defined by %s: say of which one", wanted->symbol, names);
}

int hook_link_found(struct hook *hook, const struct world *world, const struct hook_wanted *wanted,
                      struct graft_error *error)
{
    bool ambiguous = false;
    int result = 0;
    const struct hook_definition *one = hook_choose(world, wanted, &ambiguous);
    if (hook->original && ambiguous)
        return ambiguous_error(world, wanted, error);
    for (const struct hook_definition *d = hook->original ? one : wanted->first; d && !result;
         d = hook->original ? NULL : d->next)
        if (!(result = link_to(hook, world, d)))
            continue;
        else if (result == -GRAFT_ESTATE && !hook->original && d != wanted->first)
            result = 0;             /* another name for the same function */
    if (result == -GRAFT_ESTATE)
        return error_about(error, GRAFT_ESTATE, "", hook->symbol,
                           "%s is hooked with this replacement already: it would call itself", hook->symbol);
    return result ? error_set(error, GRAFT_ENOMEM, "out of memory while hooking") : 0;
}

/* What a hook needs loaded. */
static void find_holders(struct hook *hook, const struct world *world)
{
    const uintptr_t address[HOOK_HOLDERS] = { (uintptr_t)hook->replacement, (uintptr_t)hook->original,
                                              (uintptr_t)hook->callers.takes };
    for (unsigned k = 0; k < HOOK_HOLDERS; k++) {
        size_t i = address[k] ? world_find_address(world, address[k]) : WORLD_NONE;
        if (i == WORLD_NONE || world_object(world, i)->permanent)
            continue;
        hook->holder[k] = (struct hook_holder){ world_object(world, i)->link_map, world_start(world_object(world, i)) };
    }
}

/* ---- graft_plan_hook ---------------------------------------------------------------- */

struct planning {
    struct graft_plan **out;
    const struct graft_hook *hooks;
    size_t count;
    struct graft_error *error;
};

static int link_hooks(const struct planning *p, struct graft_plan *plan, const struct world *world,
                      struct arena *scratch)
{
    struct hook_wanted *wanted = arena_array(scratch, p->count, sizeof *wanted);
    int result = wanted ? 0 : -GRAFT_ENOMEM;
    for (size_t i = 0; !result && i < p->count; i++)
        wanted[i] = (struct hook_wanted){ .symbol = p->hooks[i].symbol, .version = p->hooks[i].version,
                                          .of = p->hooks[i].of, .gnu_hash = elf_hash_gnu(p->hooks[i].symbol) };
    if (!result)
        result = hook_find(world, NULL, wanted, p->count, scratch);
    if (result)
        return error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
    for (size_t i = 0; i < p->count; i++) {
        struct hook *hook = hook_new(&p->hooks[i], plan);
        if (!hook)
            return error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
        find_holders(hook, world);
        if (!wanted[i].first && !(hook->flags & GRAFT_HOOK_LATE))
            return hook_explain(world, &wanted[i], p->error);
        if ((result = hook_link_found(hook, world, &wanted[i], p->error)))
            return result;
    }
    return 0;
}

void hooks_release(struct graft_plan *plan)
{
    for (struct hook *hook = plan->hooks ? hook_newest() : NULL, *older; hook; hook = older) {
        older = hook->older;
        if (hook->plan != plan)
            continue;
        hook->plan = NULL;
        if (hook->state == HOOK_PLANNED)
            hook_drop(hook);
    }
    function_settled();
    function_tidy();
}

static int plan_visit(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct planning *p = arg;
    struct arena scratch = { 0 };
    struct graft_plan *plan = plan_new(0);
    world_set set = hooks_everybody(world, &scratch);
    int result = plan && set ? 0 : error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
    if (!result) {
        plan->hooks = true;
        plan->adds = counts->adds;
        plan->subs = counts->subs;
        plan->generation = chain_generation();
        result = link_hooks(p, plan, world, &scratch);
    }
    if (!result && hooks_plan_functions(plan, world, set, true))
        result = error_set(p->error, GRAFT_ENOMEM, "out of memory while hooking");
    function_settled();
    arena_free(&scratch);
    if (!result) {
        *p->out = plan;
        return 0;
    }
    if (plan)
        hooks_release(plan);
    plan_free(plan);
    return result;
}

static bool is_whole(const struct graft_hook *hook)
{
    return hook->size >= sizeof *hook && hook->symbol && *hook->symbol && hook->replacement
        && hook->replacement != (void *)hook->original;
}

int bind_plan_hook(struct graft_plan **plan, const struct graft_hook *hooks, size_t count, struct graft_error *error)
{
    struct planning planning = { plan, hooks, count, error };
    int saved = errno;
    error_clear(error);
    if (!plan || !hooks || !count)
        return error_set(error, GRAFT_EINVAL, "a plan of hooks needs at least one");
    for (size_t i = 0; i < count; i++)
        if (!is_whole(&hooks[i]))
            return error_set(error, GRAFT_EINVAL, "hook %zu: it needs its size, a symbol and a replacement", i);
    journal_lock();
    int result = live_visit(plan_visit, &planning, error);
    journal_unlock();
    errno = saved;
    return result;
}
