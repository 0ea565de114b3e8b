/* SPDX-License-Identifier: MIT */
/* Undoes plans that were applied to another process. Invariants: a slot gets back
 * what was there, unless a newer plan is on it, which then inherits it; a slot
 * that somebody else has written since is left, and so is one whose old target
 * was unloaded; the file is changed last, so that an interrupted undo can be
 * repeated. */

#include "attach/apply.h"

#include <string.h>

#include "attach/recheck.h"
#include "attach/remember.h"
#include "base/error.h"

struct undo {
    const struct process *process;
    struct remembered remembered;
    unsigned id;                    /* 0: all */
    struct arena arena;
    struct remembered_member *member;
    size_t member_count;
    size_t left, written;           /* of the last try */
};

static bool chosen(const struct undo *u, const struct remembered_plan *plan)
{
    return !plan->dropped && (!u->id || plan->id == u->id);
}

/* ---- which words -------------------------------------------------------- */

/* What a slot held before still means something: the object that it pointed into
 * (or just behind) may have been unloaded meanwhile. */
static bool still_there(const struct world *world, const struct remembered_slot *slot)
{
    return !slot->pointer || !slot->before || world_find_address(world, slot->before) != WORLD_NONE
        || world_find_address(world, slot->before - 1) != WORLD_NONE;
}

/* Where all are undone, the oldest edit that lies below tells what the slot held. */
static const struct remembered_slot *oldest(const struct undo *u, size_t i, const struct remembered_slot *slot)
{
    const struct remembered_slot *below = u->id ? NULL : slot;
    for (; below; below = remember_below(&u->remembered, &i, slot->address))
        slot = below;
    return slot;
}

static void collect_plan(struct undo *u, size_t i, struct words *words, const struct world *world)
{
    const struct remembered_plan *plan = remember_plan(&u->remembered, i);
    for (size_t k = 0; k < plan->count; k++) {
        const struct remembered_slot *slot = &plan->slot[k];
        const struct remembered_member *member = &plan->member[slot->member];
        size_t above = i;
        if (remember_above(&u->remembered, &above, slot->address) || recheck_member(world, member) == WORLD_NONE)
            continue;
        const struct remembered_slot *last = oldest(u, i, slot);
        if (!still_there(world, last)) {
            u->left++;
            continue;
        }
        words->word[words->count++] = (struct word){
            .address = slot->address, .expected = slot->written, .value = last->before,
            .start = member->start, .end = member->end };
    }
}

static int collect(struct words *words, const struct world *world, void *arg, struct graft_error *error)
{
    struct undo *u = arg;
    size_t room = 0;
    for (size_t i = 0; i < u->member_count; i++)
        if (recheck_build_id(world, &u->member[i], error))
            return -GRAFT_EBUILDID;
    for (size_t i = 0; i < u->remembered.plans.count; i++)
        room += remember_plan(&u->remembered, i)->count;
    if (words_new(words, words->arena, room))
        return error_set(error, GRAFT_ENOMEM, "out of memory while undoing");
    words->count = u->left = 0;
    for (size_t i = 0; i < u->remembered.plans.count; i++)
        if (chosen(u, remember_plan(&u->remembered, i)))
            collect_plan(u, i, words, world);
    return 0;
}

/* Slots that somebody else has written since are theirs now. */
static int decide(struct words *words, void *arg, struct graft_error *error)
{
    struct undo *u = arg;
    (void)error;
    u->written = 0;
    for (size_t i = 0; i < words->count; i++) {
        struct word *w = &words->word[i];
        w->skip = w->found != w->expected;
        u->written += !w->skip;
        u->left += w->skip && w->found != w->value;
    }
    return 0;
}

static void done(const struct words *words, void *arg)
{
    (void)words;
    (void)arg;
}

/* ---- what stays remembered ---------------------------------------------- */

static void hand_up(struct undo *u, size_t i)
{
    struct remembered_plan *plan = remember_plan(&u->remembered, i);
    for (size_t k = 0; k < plan->count; k++) {
        size_t next = i;
        struct remembered_slot *above = remember_above(&u->remembered, &next, plan->slot[k].address);
        if (above)
            above->before = plan->slot[k].before;
    }
    plan->dropped = true;
}

/* All members of the chosen plans, whose build-ids are compared again. */
static int gather_members(struct undo *u, struct graft_error *error)
{
    size_t room = 0, plans = 0;
    for (size_t i = 0; i < u->remembered.plans.count; i++) {
        room += remember_plan(&u->remembered, i)->member_count;
        plans += chosen(u, remember_plan(&u->remembered, i));
    }
    if (!plans)
        return u->id ? error_set(error, GRAFT_ESTATE, "no plan %u of this user is applied to process %d", u->id,
                                 u->process->pid)
                     : error_set(error, GRAFT_ESTATE, "no plan of this user is applied to process %d",
                                 u->process->pid);
    u->member = arena_array(&u->arena, room + 1, sizeof *u->member);
    if (!u->member)
        return error_set(error, GRAFT_ENOMEM, "out of memory while undoing");
    for (size_t i = 0; i < u->remembered.plans.count; i++) {
        const struct remembered_plan *plan = remember_plan(&u->remembered, i);
        if (chosen(u, plan)) {
            memcpy(u->member + u->member_count, plan->member, plan->member_count * sizeof *plan->member);
            u->member_count += plan->member_count;
        }
    }
    return 0;
}

static int take_back(struct undo *u, struct recheck_cost *cost, struct graft_error *error)
{
    int result = remember_open(&u->remembered, u->process, error);
    if (!result)
        result = gather_members(u, error);
    if (result)
        return result;
    remember_settle(&u->remembered, u->process);
    struct recheck recheck = { .process = u->process, .member = u->member, .member_count = u->member_count,
                               .collect = collect, .decide = decide, .done = done, .arg = u };
    result = recheck_write(&recheck, cost, error);
    if (result)
        return result;
    for (size_t i = 0; i < u->remembered.plans.count; i++)
        if (chosen(u, remember_plan(&u->remembered, i)))
            hand_up(u, i);
    result = remember_save(&u->remembered, u->process, error);
    if (!result && u->left)
        return error_set(error, GRAFT_ESTALE, "%zu slots were written by somebody else since, or what they held "
                         "before was unloaded: left; the rest is undone", u->left);
    return result;
}

int attach_undo(const struct process *process, unsigned id, struct graft_attach_result *out,
                struct graft_error *error)
{
    struct undo undo = { .process = process, .id = id, .remembered.directory = -1 };
    struct recheck_cost cost = { 0, 0, 0 };
    int result = take_back(&undo, &cost, error);
    out->plan = id;
    out->slots = !result || result == -GRAFT_ESTALE ? undo.written : 0;
    out->stopped = cost.nanoseconds;
    out->stops = cost.stops;
    out->threads = cost.threads;
    remember_close(&undo.remembered);
    arena_free(&undo.arena);
    return result;
}
