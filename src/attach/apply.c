/* SPDX-License-Identifier: MIT */
/* Applies a plan to another process. Invariants: all slots or none; what is about
 * to be written is remembered on disk before the first word of the target
 * changes, so that `undo` can put back what a killed tool left half done.
 *
 *   remember "applying" ─▶ recheck and write ─▶ remember "applied" ─▶ look again
 *                                └ failed: forget                      at lazy ones */

#include "attach/apply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach/recheck.h"
#include "attach/remember.h"
#include "base/error.h"
#include "base/log.h"
#include "plan/plan.h"

enum { SETTLE_ROUNDS = 20, SETTLE_QUIET = 2 };

struct apply {
    const struct process *process;
    const struct graft_plan *plan;
    struct remembered remembered;
    struct remembered_plan *noted;
    bool settling;
};

/* ---- remembering -------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const struct remembered_slot *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

static void note_members(struct apply *a)
{
    for (size_t i = 0; i < a->noted->member_count; i++) {
        const struct plan_member *from = plan_member(a->plan, (int)i);
        struct remembered_member *to = &a->noted->member[i];
        *to = (struct remembered_member){ .path = from->path, .space = from->space, .start = from->start,
                                          .end = from->end, .link_map = from->link_map,
                                          .build_id_size = from->build_id_size };
        memcpy(to->build_id, from->build_id, from->build_id_size);
    }
}

static void note_slots(struct apply *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->plan->entries.count; i++) {
        const struct plan_entry *entry = plan_entry(a->plan, i);
        if (verdict_edits(entry->edit.verdict))
            a->noted->slot[n++] = (struct remembered_slot){
                .address = entry->edit.slot, .before = entry->edit.old_value, .written = entry->edit.new_value,
                .member = entry->member, .lazy = entry->edit.verdict == GRAFT_VERDICT_LAZY,
                .pointer = entry->edit.kind <= GRAFT_SLOT_SYMBOLIC, .symbol = entry->edit.symbol };
    }
    qsort(a->noted->slot, n, sizeof *a->noted->slot, by_address);
}

static int note(struct apply *a, const char *label, struct graft_error *error)
{
    a->noted = remember_add(&a->remembered, a->plan->members.count, plan_edits(a->plan));
    if (!a->noted)
        return error_set(error, GRAFT_ENOMEM, "out of memory while remembering the plan");
    a->noted->id = a->remembered.next_id++;
    a->noted->time = time(NULL);
    a->noted->label = label ? label : "";
    a->noted->applying = true;
    note_members(a);
    note_slots(a);
    return remember_save(&a->remembered, a->process, error);
}

/* An older edit of a slot that holds something else than it wrote is void: the
 * object was closed and loaded again. */
static void drop_void(struct apply *a, uint64_t address, uint64_t found)
{
    size_t i = a->remembered.plans.count - 1;
    struct remembered_slot *below;
    while ((below = remember_below(&a->remembered, &i, address))) {
        if (below->written != found)
            remember_forget(remember_plan(&a->remembered, i), below);
        else
            found = below->before;
    }
}

static void note_done(struct apply *a)
{
    struct graft_error failure = { 0 };
    a->noted->applying = false;
    for (size_t i = 0; i < a->noted->count; i++)
        drop_void(a, a->noted->slot[i].address, a->noted->slot[i].before);
    if (remember_save(&a->remembered, a->process, &failure))
        LOG(INFO, "%s", failure.text);      /* what lies there is enough to undo */
}

/* ---- writing ------------------------------------------------------------ */

static int collect(struct words *words, const struct world *world, void *arg, struct graft_error *error)
{
    const struct apply *a = arg;
    for (size_t i = 0; i < a->noted->member_count; i++)
        if (recheck_build_id(world, &a->noted->member[i], error))
            return -GRAFT_EBUILDID;
        else if (recheck_member(world, &a->noted->member[i]) == WORLD_NONE)
            return error_about(error, GRAFT_ESTALE, a->noted->member[i].path, "",
                               "an object of the plan was closed or loaded again: make the plan again");
    if (words_new(words, words->arena, a->noted->count))
        return error_set(error, GRAFT_ENOMEM, "out of memory while applying");
    for (size_t i = 0; i < a->noted->count; i++) {
        const struct remembered_slot *slot = &a->noted->slot[i];
        const struct remembered_member *member = &a->noted->member[slot->member];
        words->word[i] = (struct word){ .address = slot->address, .expected = slot->before,
                                        .value = slot->written, .start = member->start, .end = member->end,
                                        .lazy = slot->lazy, .user = i };
    }
    return 0;
}

static int decide(struct words *words, void *arg, struct graft_error *error)
{
    const struct apply *a = arg;
    for (size_t i = 0; a->settling && i < words->count; i++)
        words->word[i].skip = !words->word[i].lazy || words->word[i].found == words->word[i].value;
    const struct word *bad = words_unexpected(words);
    if (!bad)
        return 0;
    const struct remembered_slot *slot = &a->noted->slot[bad->user];
    return error_about(error, GRAFT_ESTALE, a->noted->member[slot->member].path, slot->symbol, "slot 0x%" PRIx64
                       " holds 0x%" PRIx64 ", the plan saw 0x%" PRIx64 ": make the plan again",
                       bad->address, bad->found, bad->expected);
}

static void done(const struct words *words, void *arg)
{
    struct apply *a = arg;
    for (size_t i = 0; i < words->count && !a->settling; i++)
        a->noted->slot[words->word[i].user].before = words->word[i].found;
}

/* ---- lazy slots --------------------------------------------------------- */

/* Whether a resolver that was under way has overwritten a slot since. */
static bool lost(const struct apply *a)
{
    for (size_t i = 0; i < a->noted->count; i++) {
        const struct remembered_slot *slot = &a->noted->slot[i];
        uint64_t held;
        if (slot->lazy && process_read(a->process, slot->address, &held, sizeof held) && held != slot->written)
            return true;
    }
    return false;
}

/* Looks again a millisecond later, until nothing was lost twice in a row. */
static int settle(struct apply *a, const struct recheck *recheck, struct recheck_cost *cost,
                  struct graft_error *error)
{
    int quiet = 0, result = 0;
    a->settling = true;
    for (int round = 0; round < SETTLE_ROUNDS && quiet < SETTLE_QUIET && !result; round++) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        quiet = lost(a) ? 0 : quiet + 1;
        if (!quiet)
            result = recheck_write(recheck, cost, error);
    }
    return result;
}

/* ---- the whole ---------------------------------------------------------- */

static int carry_out(struct apply *a, const char *label, struct recheck_cost *cost, struct graft_error *error)
{
    struct recheck recheck = { .process = a->process, .outside_loader = a->plan->count[GRAFT_VERDICT_LAZY] > 0,
                               .collect = collect, .decide = decide, .done = done, .arg = a };
    int result = remember_open(&a->remembered, a->process, error);
    if (!result)
        remember_settle(&a->remembered, a->process);
    if (!result)
        result = note(a, label, error);
    if (result)
        return result;
    recheck.member = a->noted->member;
    recheck.member_count = a->noted->member_count;
    result = recheck_write(&recheck, cost, error);
    if (result) {
        a->noted->dropped = true;
        remember_save(&a->remembered, a->process, NULL);
        return result;
    }
    if (recheck.outside_loader && settle(a, &recheck, cost, NULL))
        LOG(INFO, "lazily bound slots could not be looked at again");
    note_done(a);
    return 0;
}

int attach_apply(const struct process *process, const struct graft_plan *plan, const char *label,
                 struct graft_attach_result *out, struct graft_error *error)
{
    struct apply a = { .process = process, .plan = plan, .remembered.directory = -1 };
    struct recheck_cost cost = { 0, 0, 0 };
    int result = plan_check(plan, error);
    if (result || !plan_edits(plan))
        return result;
    if (plan->word_size != sizeof(uint64_t))
        return error_set(error, GRAFT_EARCH, "slots of %u bytes cannot be written by this graft", plan->word_size);
    result = carry_out(&a, label, &cost, error);
    if (!result) {
        out->plan = a.noted->id;
        out->slots = a.noted->count;
    }
    out->stopped = cost.nanoseconds;
    out->stops = cost.stops;
    out->threads = cost.threads;
    remember_close(&a.remembered);
    return result;
}
