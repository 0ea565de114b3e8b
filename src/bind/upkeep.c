/* SPDX-License-Identifier: MIT */
/* Keeps the journal true while the process changes. Invariant: an edit is in the
 * journal only while its object is loaded, and a lazy slot that a resolver has
 * overwritten is written again. */

#include "bind/apply.h"

#include <errno.h>
#include <sched.h>
#include <sys/single_threaded.h>
#include <time.h>

#include "bind/hooks.h"
#include "bind/journal.h"
#include "bind/slots.h"
#include "live/live.h"

static int verify_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    size_t *rescued = arg;
    (void)counts;
    for (struct journal_plan *p = journal_first(); p; p = p->next)
        for (struct journal_edit *e = p->edits; e; e = e->next) {
            if (!e->lazy || e->slot->top != e
                || plan_member_find(world, plan_member(p->plan, e->member)) == WORLD_NONE)
                continue;
            uintptr_t held = slot_read(e->slot->address);
            if (held != e->written && slot_swap(e->slot->address, &held, e->written))
                (*rescued)++;
        }
    return 0;
}

/* Lazy slots are writable by nature: the resolver itself writes them. */
size_t bind_verify_lazy(void)
{
    size_t rescued = 0;
    journal_lock();
    live_visit(verify_locked, &rescued, NULL);
    journal_unlock();
    return rescued;
}

struct settling { const struct slots *slots; unsigned long long subs; };

/* Writes those lazy slots again that a resolver has overwritten; with
 * the loader's lock held, and only while nothing was closed since the apply. */
static int rewrite_lost(struct world *world, const struct live_counts *counts, void *arg)
{
    const struct settling *settling = arg;
    int lost = 0;
    (void)world;
    for (size_t i = 0; counts->subs == settling->subs && i < settling->slots->count; i++) {
        const struct slot_write *w = &settling->slots->write[i];
        struct journal_edit *top = w->lazy ? journal_top(w->address) : NULL;
        uintptr_t held;
        if (top && top->written == w->value && (held = slot_read(w->address)) != w->value)
            lost += slot_swap(w->address, &held, w->value);
    }
    return lost;
}

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* As long as settling takes where nothing is lost. */
void bind_wait(void)
{
    struct slots nothing = { .count = 0 };
    bind_settle(&nothing, 0);
}

/* A thread that was inside the resolver when we wrote finishes in microseconds,
 * or when it next runs, and overwrites the slot once. We look until nothing was
 * lost for half a millisecond and 32 chances to run; on a busy machine, where each
 * chance is a time slice, for 2 milliseconds and 4 of them; and again on every
 * later look of the watch. A process with one thread has nobody to wait for. */
void bind_settle(const struct slots *slots, unsigned long long subs)
{
    struct settling settling = { slots, subs };
    uint64_t since = nanoseconds(), passed = 0;
    for (int quiet = 0; !__libc_single_threaded
                        && (quiet < 4 || passed < 500000 || (quiet < 32 && passed < 2000000)); quiet++) {
        sched_yield();
        journal_lock();
        int lost = live_hold(rewrite_lost, &settling);
        journal_unlock();
        if (lost) {
            quiet = 0;
            since = nanoseconds();
        }
        passed = nanoseconds() - since;
    }
}

static bool is_over(const struct journal_plan *plan)
{
    return !plan->edits && plan->released;
}

void bind_reap(void)
{
    for (;;) {
        journal_lock();
        struct journal_plan *p = journal_first();
        while (p && !is_over(p))
            p = p->next;
        struct journal_plan over = p ? *p : (struct journal_plan){ 0 };
        if (p)
            journal_end(p);
        journal_unlock();
        if (!p)
            return;
        bind_unpin(over.pins, over.pin_count);
        plan_free(over.plan);
    }
}

/* The count of closed objects when the journal was last made true. */
static unsigned long long forgotten;

void bind_forget(const struct world *world, const struct live_counts *counts)
{
    if (forgotten == counts->subs)
        return;
    for (struct journal_plan *p = journal_first(); p; p = p->next)
        for (struct journal_edit *edit = p->edits, *after; edit; edit = after) {
            after = edit->next;
            if (plan_member_find(world, plan_member(p->plan, edit->member)) == WORLD_NONE)
                journal_remove(edit);
        }
    hooks_forget(world);
    forgotten = counts->subs;
}

static int forget_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    (void)arg;
    bind_forget(world, counts);
    return 0;
}

void bind_forget_closed(void)
{
    int saved = errno;
    journal_lock();
    live_visit(forget_locked, NULL, NULL);
    journal_unlock();
    bind_reap();
    errno = saved;
}
