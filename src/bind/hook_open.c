/* SPDX-License-Identifier: MIT */
/* PLT slots that are not resolved yet and that several objects may serve. Invariant: the
 * loader is asked, as the caller's own object would ask it, so that a hook never decides
 * whose function is called; no lock is held meanwhile. */

#include <dlfcn.h>
#include <string.h>

#include "bind/bind.h"
#include "bind/caller.h"
#include "bind/hooks.h"

/* One slot and what the loader says that it will hold. */
struct answer { const struct plan_entry *entry; uintptr_t address; };

struct answers { const struct graft_plan *plan; struct answer *list; size_t count; };

static uintptr_t ask(const struct graft_edit *edit)
{
    struct caller caller = caller_find((void *)edit->slot);
    enum watched which = edit->version ? DLVSYM : DLSYM;
    return caller_call(&caller, caller_real(caller.space, which), (uintptr_t)RTLD_DEFAULT, (uintptr_t)edit->symbol,
                       (uintptr_t)edit->version);
}

static void ask_all(struct answers *answers, struct arena *arena)
{
    const struct graft_plan *plan = answers->plan;
    answers->list = arena_array(arena, plan->count[GRAFT_VERDICT_OPEN], sizeof *answers->list);
    for (size_t i = 0; answers->list && i < plan->entries.count; i++) {
        const struct plan_entry *entry = plan_entry(plan, i);
        if (entry->edit.verdict == GRAFT_VERDICT_OPEN)
            answers->list[answers->count++] = (struct answer){ entry, ask(&entry->edit) };
    }
    (void)dlerror();
}

/* The chain that serves the calls of @object to what is at @address under that name: the
 * function, or what its symbol leads to. */
static struct chain *chain_for(const struct world *world, size_t object, const char *symbol, uintptr_t address)
{
    for (const struct function *f = function_first(); f; f = f->next) {
        const struct chain *wide = chain_wide(f);
        if (strcmp(f->symbol, symbol) || (f->from != address && (!wide || wide->now != address)))
            continue;
        for (struct chain *c = f->chains; c; c = c->next)
            if (chain_target(c, NULL) && hook_callers_have(&c->callers, world, object))
                return c;
    }
    return NULL;
}

static int add_answer(struct hook_job *job, const struct world *world, struct hook_function *function,
                      const struct answers *answers, const struct answer *answer)
{
    const struct graft_edit *edit = &answer->entry->edit;
    size_t object = plan_member_find(world, plan_member(answers->plan, answer->entry->member));
    struct chain *chain = object == WORLD_NONE ? NULL : chain_for(world, object, edit->symbol, answer->address);
    if (!chain)
        return 0;
    function[job->plan->function_count] = (struct hook_function){ .symbol = edit->symbol, .chain = chain };
    struct plan_entry entry = { .member = plan_member_of(job->plan, world, object), .target = PLAN_NO_MEMBER,
                                .function = (int)++job->plan->function_count, .edit = *edit };
    entry.edit.verdict = GRAFT_VERDICT_LAZY;
    entry.edit.new_value = chain_target(chain, NULL);
    entry.edit.old_object = NULL;
    return entry.member < 0 ? -GRAFT_ENOMEM : plan_add(job->plan, &entry);
}

static int prepare_open(struct hook_job *job, const struct world *world)
{
    const struct answers *answers = job->arg;
    struct hook_function *function;
    int result = 0;
    job->plan = plan_new(0);
    if (!job->plan || !(function = arena_array(&job->plan->arena, answers->count, sizeof *function)))
        return -GRAFT_ENOMEM;
    job->plan->function = function;
    for (size_t i = 0; i < answers->count && !result; i++)
        result = add_answer(job, world, function, answers, &answers->list[i]);
    return result;
}

void hooks_resolve_open(const struct graft_plan *plan)
{
    struct arena arena = { 0 };
    struct answers answers = { .plan = plan };
    struct hook_job job = { .prepare = prepare_open, .quiet = true, .asks = true, .arg = &answers };
    ask_all(&answers, &arena);
    if (answers.count) {
        (void)hook_job_run(&job);
        bind_plan_free(job.plan);
    }
    arena_free(&arena);
}
