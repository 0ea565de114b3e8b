/* SPDX-License-Identifier: MIT */
/* PLT slots that are not resolved yet and that several objects may serve. Invariant: the
 * loader is asked, as the caller's own object would ask it, so that a hook never decides
 * whose function is called; no lock is held meanwhile. */

#include <dlfcn.h>

#include "bind/bind.h"
#include "bind/caller.h"
#include "bind/hooks.h"
#include "plan/target.h"

/* One slot and what the loader says that it will hold: for any version, and for the one
 * that is referred to. */
struct answer { const struct plan_entry *entry; uintptr_t any, exact; };

struct answers { const struct graft_plan *plan; struct answer *list; size_t count; };

static int is_same(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)counts;
    return plan_member_find(world, arg) != WORLD_NONE;
}

/* The slot's object is held meanwhile: the call returns through its code. */
static bool ask(const struct graft_plan *plan, struct answer *answer)
{
    const struct graft_edit *edit = &answer->entry->edit;
    struct plan_member *member = plan_member(plan, answer->entry->member);
    uintptr_t name = (uintptr_t)edit->symbol, version = (uintptr_t)edit->version;
    void *held = caller_hold((long)member->space, member->path);
    bool same = (held || member->permanent) && live_visit(is_same, member, NULL) == 1;
    if (same) {
        struct caller caller = caller_find((void *)edit->slot);
        answer->any = caller_call(&caller, caller_real(caller.space, DLSYM), (uintptr_t)RTLD_DEFAULT, name, 0);
        answer->exact = !version ? answer->any
            : caller_call(&caller, caller_real(caller.space, DLVSYM), (uintptr_t)RTLD_DEFAULT, name, version);
    }
    if (held)
        caller_unload(held);
    return same;
}

static void ask_all(struct answers *answers, struct arena *arena)
{
    const struct graft_plan *plan = answers->plan;
    answers->list = arena_array(arena, plan->count[GRAFT_VERDICT_OPEN], sizeof *answers->list);
    for (size_t i = 0; answers->list && i < plan->entries.count; i++) {
        struct answer *answer = &answers->list[answers->count];
        answer->entry = plan_entry(plan, i);
        if (answer->entry->edit.verdict == GRAFT_VERDICT_OPEN && ask(plan, answer))
            answers->count++;
    }
    (void)dlerror();
}

/* A relocation takes a definition without a version for one of any version, dlvsym does
 * not (glibc elf/dl-lookup.c, check_match): if the first one in the scope is such, it. */
static const struct function *answer_of(const struct world *world, const struct answer *answer)
{
    const struct graft_edit *edit = &answer->entry->edit;
    const struct function *any = function_leading_to(edit->symbol, answer->any);
    struct elf_wanted wanted = { .name = edit->symbol, .version = edit->version };
    struct elf_symbol symbol;
    size_t first = any ? world_find_map(world, any->link_map, any->start) : world_find_address(world, answer->any);
    bool fits = edit->version && first != WORLD_NONE
             && elf_lookup(&world_object(world, first)->image, &wanted, &symbol) == ELF_FOUND;
    return function_leading_to(edit->symbol, fits ? (uintptr_t)target_address(world, first, &symbol) : answer->exact);
}

static int add_answer(struct hook_job *job, const struct world *world, struct hook_function *function,
                      const struct answers *answers, const struct answer *answer)
{
    const struct graft_edit *edit = &answer->entry->edit;
    size_t object = plan_member_find(world, plan_member(answers->plan, answer->entry->member));
    const struct function *f = object == WORLD_NONE ? NULL : answer_of(world, answer);
    struct chain *chain = !f ? NULL : f->gate ? chain_wide(f) : chain_for(f, world, object);
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
