/* SPDX-License-Identifier: MIT */
/* Apply and undo in this process. Invariants: all slots or none; a slot is
 * written only while it holds what was expected, with one compare-and-swap; one
 * protection change per region and back to what was observed, never writable and
 * executable at once.
 *
 *     pin targets → journal lock → loader's lock → same objects? same words?
 *       → open regions → write → close regions → unlock → look again at lazy ones
 *
 * Targets are pinned before the journal's lock is taken: dlopen takes a lock that
 * a thread inside a constructor may hold while it waits for the journal. */

#include "bind/apply.h"
#include "bind/bind.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "bind/caller.h"
#include "bind/hooks.h"
#include "bind/journal.h"
#include "bind/slots.h"
#include "live/live.h"


struct job {
    struct arena arena;
    struct slots slots;
    struct graft_plan *plan;
    struct journal_plan *noted;
    void **pins;
    size_t pin_count, lost;
    struct live_counts counts;
    struct graft_error *error;
};

/* A lazy slot may have been resolved since the plan saw it: then it holds an
 * address outside its own object, where the resolver put it. */
static bool acceptable(const struct job *job, const struct slot_write *w, uintptr_t held)
{
    const struct plan_member *member = plan_member(job->plan, w->member);
    return w->lazy && held && held - member->start >= member->end - member->start;
}

static int stale(const struct job *job, const struct slot_write *w, uintptr_t held)
{
    const struct plan_member *member = plan_member(job->plan, w->member);
    return error_about(job->error, GRAFT_ESTALE, member->path, "",
                       "slot 0x%lx holds 0x%lx, the plan saw 0x%lx: make the plan again",
                       w->address, held, w->expected);
}

void bind_take_back(const struct slots *slots, size_t count)
{
    while (count-- > 0) {
        const struct slot_write *w = &slots->write[count];
        uintptr_t held = w->value;
        slot_swap(w->address, &held, w->found);
    }
}

static int write_all(struct job *job)
{
    for (size_t i = 0; i < job->slots.count; i++) {
        struct slot_write *w = &job->slots.write[i];
        uintptr_t held = w->expected;
        while (!slot_swap(w->address, &held, w->value))
            if (!acceptable(job, w, held)) {
                bind_take_back(&job->slots, i);
                return stale(job, w, held);
            }
        w->found = held;
    }
    return 0;
}

/* ---- apply -------------------------------------------------------------- */

int bind_same_objects(const struct world *world, const struct graft_plan *plan, struct graft_error *error)
{
    for (size_t i = 0; i < plan->members.count; i++)
        if (plan_member_find(world, plan_member(plan, (int)i)) == WORLD_NONE)
            return error_about(error, GRAFT_ESTALE, plan_member(plan, (int)i)->path, "",
                               "an object of the plan was closed or loaded again: make the plan again");
    return 0;
}

static int note_all(struct job *job)
{
    job->noted = journal_begin(job->plan);
    if (!job->noted || journal_reserve(job->slots.count))
        return error_set(job->error, GRAFT_ENOMEM, "out of memory for the journal");
    for (size_t i = 0; i < job->slots.count; i++) {
        struct slot_write *w = &job->slots.write[i];
        struct journal_edit *top = journal_top(w->address);
        while (top && top->written != w->found) {   /* left from an object that was closed */
            journal_remove(top);
            top = journal_top(w->address);
        }
        journal_push(job->noted, w->address, &(struct journal_edit){
            .member = w->member, .lazy = w->lazy, .address = w->holds_address,
            .before = w->found, .written = w->value });
    }
    job->noted->pins = job->pins;
    job->noted->pin_count = job->pin_count;
    return 0;
}

static int apply_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    struct job *job = arg;
    job->counts = *counts;
    int result = world ? bind_same_objects(world, job->plan, job->error) : 0;
    if (result || (result = slots_open(&job->slots, job->error)))
        return result;
    result = write_all(job);
    if (!result && (result = note_all(job))) {
        bind_take_back(&job->slots, job->slots.count);
        if (job->noted)
            journal_end(job->noted);
    }
    slots_close(&job->slots);
    return result;
}

/* Keeps @member loaded: a handle of its own on it. Not for what was loaded at
 * start: it stays anyway, and before libc's own constructor has run a dlopen
 * would run it too early, without an environment. */
static void *pin(const struct plan_member *member)
{
    Lmid_t space;
    if (dlinfo((void *)member->link_map, RTLD_DI_LMID, &space))
        return NULL;
    return caller_hold(space, member->path);
}

void bind_unpin(void **pins, size_t count)
{
    for (size_t i = 0; i < count; i++)
        caller_unload(pins[i]);
}

static int pin_targets(struct job *job)
{
    size_t n = job->plan->members.count;
    if (!job->plan->pins)
        job->plan->pins = arena_array(&job->plan->arena, n, sizeof *job->pins);
    job->pins = job->plan->pins;
    if (!job->pins && n)
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while applying");
    for (size_t i = 0; i < n && !job->plan->unpinned; i++) {
        const struct plan_member *member = plan_member(job->plan, (int)i);
        if (!member->is_target || member->permanent)
            continue;
        void *handle = pin(member);
        if (handle)
            job->pins[job->pin_count++] = handle;
        else {
            (void)dlerror();
            LOG(DEBUG, "%s cannot be held loaded", member->path);
        }
    }
    return 0;
}

static int collect_writes(struct job *job)
{
    const struct graft_plan *plan = job->plan;
    job->slots.write = arena_array(&job->arena, plan_edits(plan), sizeof *job->slots.write);
    if (!job->slots.write && plan_edits(plan))
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while applying");
    for (size_t i = 0; i < plan->entries.count; i++) {
        const struct plan_entry *entry = plan_entry(plan, i);
        if (!verdict_edits(entry->edit.verdict))
            continue;
        job->slots.write[job->slots.count++] = (struct slot_write){
            .address = entry->edit.slot, .expected = entry->edit.old_value,
            .value = entry->edit.new_value, .member = entry->member,
            .lazy = entry->edit.verdict == GRAFT_VERDICT_LAZY,
            .holds_address = entry->edit.kind <= GRAFT_SLOT_SYMBOLIC };
    }
    return 0;
}

static int apply(struct job *job)
{
    const struct live_counts known = { job->plan->adds, job->plan->subs };
    int result = plan_check(job->plan, job->error);
    if (!result)
        result = collect_writes(job);
    if (!result && protections_open(&job->slots.protections, &job->arena))
        result = error_set(job->error, GRAFT_ESYS, "/proc/self/maps cannot be read");
    if (!result)
        result = pin_targets(job);
    if (!result) {
        journal_lock();
        result = live_revisit(apply_locked, job, &known, job->error);
        if (!result) {
            job->plan->state = PLAN_APPLIED;
            job->plan->adds = job->counts.adds;
            job->plan->subs = job->counts.subs;
        }
        journal_unlock();
        if (result)
            bind_unpin(job->pins, job->pin_count);
    }
    if (!result && job->plan->count[GRAFT_VERDICT_LAZY])
        bind_settle(&job->slots, job->counts.subs);
    protections_close(&job->slots.protections);
    arena_free(&job->arena);
    return result;
}

int bind_plan_apply(struct graft_plan *plan, struct graft_error *error)
{
    struct job job = { .plan = plan, .error = error, .slots = { .arena = &job.arena, .protections.file = -1 } };
    int saved = errno;
    error_clear(error);
    if (plan->state == PLAN_APPLIED)
        return error_set(error, GRAFT_ESTATE, "the plan is applied already");
    int result = plan->hooks ? hook_plan_apply(plan, error) : apply(&job);
    if (!result && !plan->hooks)
        hooks_again();
    errno = saved;
    return result;
}

/* ---- undo --------------------------------------------------------------- */

/* Whether what a slot held before still means something: the object that it
 * pointed into (or just behind) may have been closed meanwhile. */
static bool still_there(const struct world *world, const struct journal_edit *e)
{
    return !world || !e->address || !e->before || world_find_address(world, e->before) != WORLD_NONE
        || world_find_address(world, e->before - 1) != WORLD_NONE;
}

/* Lists the words to put back: of edits on top of their slots, in objects that
 * are still loaded. No world: nothing was unloaded since the plan was applied. */
static int collect_undo(const struct world *world, struct job *job)
{
    size_t edits = 0;
    bool *present = arena_array(&job->arena, job->plan->members.count, 1);
    for (struct journal_edit *e = job->noted->edits; e; e = e->next)
        edits++;
    job->slots.write = arena_array(&job->arena, edits, sizeof *job->slots.write);
    if ((!present && job->plan->members.count) || (!job->slots.write && edits))
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while undoing");
    for (size_t i = 0; i < job->plan->members.count; i++)
        present[i] = !world || plan_member_find(world, plan_member(job->plan, (int)i)) != WORLD_NONE;
    for (struct journal_edit *e = job->noted->edits; e; e = e->next)
        if (e->slot->top == e && present[e->member]) {
            if (still_there(world, e))
                job->slots.write[job->slots.count++] = (struct slot_write){ .address = e->slot->address,
                    .expected = e->written, .value = e->before, .member = e->member };
            else
                job->lost++;
        }
    return 0;
}

/* Slots that somebody else has written since are theirs now. */
static void put_back(struct job *job)
{
    for (size_t i = 0; i < job->slots.count; i++) {
        struct slot_write *w = &job->slots.write[i];
        uintptr_t held = w->expected;
        if (!slot_swap(w->address, &held, w->value) && held != w->value)
            job->lost++;
    }
}

static int undo_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    struct job *job = arg;
    (void)counts;
    int result = collect_undo(world, job);
    if (result || (result = slots_open(&job->slots, job->error)))
        return result;
    put_back(job);
    slots_close(&job->slots);
    journal_end(job->noted);
    if (job->lost)
        return error_set(job->error, GRAFT_ESTALE, "%zu slots were written by somebody else since, or "
                         "what they held before was closed: left; the rest is undone", job->lost);
    return 0;
}

int bind_plan_undo(struct graft_plan *plan, struct graft_error *error)
{
    struct job job = { .plan = plan, .error = error, .slots = { .arena = &job.arena, .protections.file = -1 } };
    const struct live_counts known = { plan->adds, plan->subs };
    int saved = errno, result;
    error_clear(error);
    if (plan->state != PLAN_APPLIED)
        return error_set(error, GRAFT_ESTATE, "the plan is not applied");
    if (plan->hooks) {
        result = hook_plan_undo(plan, error);
        errno = saved;
        return result;
    }
    if (protections_open(&job.slots.protections, &job.arena))
        return error_set(error, GRAFT_ESYS, "/proc/self/maps cannot be read");
    journal_lock();
    job.noted = journal_find(plan);
    if (job.noted) {
        job.pins = job.noted->pins;
        job.pin_count = job.noted->pin_count;
        result = live_revisit(undo_locked, &job, &known, error);
    } else
        result = 0;                 /* all its objects were closed */
    if (!result || result == -GRAFT_ESTALE)
        plan->state = PLAN_UNDONE;
    journal_unlock();
    if (plan->state == PLAN_UNDONE)
        bind_unpin(job.pins, job.pin_count);
    protections_close(&job.slots.protections);
    arena_free(&job.arena);
    if (plan->state == PLAN_UNDONE)
        hooks_again();
    errno = saved;
    return result;
}

void bind_plan_free(struct graft_plan *plan)
{
    if (!plan)
        return;
    journal_lock();
    struct journal_plan *noted = journal_find(plan);
    hooks_release(plan);
    if (noted)
        noted->released = true;
    journal_unlock();
    if (!noted)
        plan_free(plan);
    bind_reap();
}
