/* SPDX-License-Identifier: MIT */
/* Keeps the journal true while the process changes. Invariant: an edit is in the
 * journal only while its object is loaded, and a lazy slot that a resolver has
 * overwritten is written again. */

#include "bind/apply.h"

#include <errno.h>

#include "bind/journal.h"
#include "bind/slots.h"
#include "live/live.h"

static int verify_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    size_t *rescued = arg;
    (void)counts;
    for (struct journal_plan *p = journal_first(); p; p = p->next)
        for (struct journal_edit *e = p->edits; e; e = e->next) {
            if (!e->lazy || !e->slot || e->slot->top != e
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

struct closing { struct graft_plan *dead[64]; void **pins[64]; size_t pin_count[64], count; };

static int forget_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    struct closing *closing = arg;
    (void)counts;
    for (struct journal_plan *p = journal_first(), *next; p; p = next) {
        next = p->next;
        for (struct journal_edit **e = &p->edits; *e;) {
            struct journal_edit *edit = *e;
            if (plan_member_find(world, plan_member(p->plan, edit->member)) != WORLD_NONE) {
                e = &edit->next;
                continue;
            }
            *e = edit->next;
            journal_remove(edit);
            journal_drop(edit);
        }
        if (!p->edits && p->released && closing->count < 64) {
            closing->dead[closing->count] = p->plan;
            closing->pins[closing->count] = p->pins;
            closing->pin_count[closing->count++] = p->pin_count;
            journal_end(p);
        }
    }
    return 0;
}

void bind_forget_closed(void)
{
    struct closing closing = { .count = 0 };
    int saved = errno;
    journal_lock();
    live_visit(forget_locked, &closing, NULL);
    journal_unlock();
    for (size_t i = 0; i < closing.count; i++) {
        bind_unpin(closing.pins[i], closing.pin_count[i]);
        plan_free(closing.dead[i]);
    }
    errno = saved;
}
