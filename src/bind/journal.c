/* SPDX-License-Identifier: MIT */
/* The process has one set of GOTs, so one journal: the only global state of
 * graft. Invariant: a slot is in the table exactly while an edit is on it, and
 * memory of undone edits is used again, so that applying for ever does not grow. */

#include "bind/journal.h"

#include <pthread.h>
#include <string.h>

#include "live/live.h"

enum { BUCKETS = 4096 };

static struct {
    pthread_mutex_t lock;
    struct arena arena;
    struct journal_slot *bucket[BUCKETS];
    struct journal_slot *free_slots;
    struct journal_edit *free_edits;
    struct journal_plan *plans, *free_plans;
    pthread_mutex_t keep_lock;      /* taken inside the loader's lock: nothing is taken in it */
    struct arena kept;
} journal = { .lock = PTHREAD_MUTEX_INITIALIZER, .keep_lock = PTHREAD_MUTEX_INITIALIZER };

void journal_lock(void)
{
    pthread_mutex_lock(&journal.lock);
}

void journal_unlock(void)
{
    pthread_mutex_unlock(&journal.lock);
}

static void lock_all(void)
{
    journal_lock();
    live_lock();
    pthread_mutex_lock(&journal.keep_lock);
}

static void unlock_all(void)
{
    pthread_mutex_unlock(&journal.keep_lock);
    live_unlock();
    journal_unlock();
}

/* A child of fork has one thread: no lock must be left with another. */
__attribute__((constructor)) static void keep_whole_across_fork(void)
{
    pthread_atfork(lock_all, unlock_all, unlock_all);
}

static struct journal_slot **bucket_of(uintptr_t address)
{
    return &journal.bucket[(address >> 3) * 0x9e3779b97f4a7c15ull >> 52];
}

static struct journal_slot **find(uintptr_t address)
{
    struct journal_slot **p = bucket_of(address);
    while (*p && (*p)->address != address)
        p = &(*p)->next;
    return p;
}

int journal_reserve(size_t edits)
{
    size_t slots = 0, free_edits = 0;
    for (struct journal_slot *s = journal.free_slots; s && slots < edits; s = s->next)
        slots++;
    for (struct journal_edit *e = journal.free_edits; e && free_edits < edits; e = e->next)
        free_edits++;
    for (; slots < edits; slots++) {
        struct journal_slot *s = arena_alloc(&journal.arena, sizeof *s);
        if (!s)
            return -GRAFT_ENOMEM;
        s->next = journal.free_slots;
        journal.free_slots = s;
    }
    for (; free_edits < edits; free_edits++) {
        struct journal_edit *e = arena_alloc(&journal.arena, sizeof *e);
        if (!e)
            return -GRAFT_ENOMEM;
        e->next = journal.free_edits;
        journal.free_edits = e;
    }
    return 0;
}

struct journal_plan *journal_begin(struct graft_plan *plan)
{
    struct journal_plan *p = journal.free_plans;
    if (p)
        journal.free_plans = p->next;
    else if (!(p = arena_alloc(&journal.arena, sizeof *p)))
        return NULL;
    *p = (struct journal_plan){ .plan = plan, .next = journal.plans };
    journal.plans = p;
    return p;
}

struct journal_edit *journal_push(struct journal_plan *plan, uintptr_t address, const struct journal_edit *from)
{
    struct journal_slot **where = find(address);
    struct journal_edit *edit = journal.free_edits;
    if (!edit || (!*where && !journal.free_slots))
        return NULL;
    if (!*where) {
        struct journal_slot *slot = journal.free_slots;
        journal.free_slots = slot->next;
        *slot = (struct journal_slot){ .address = address };
        *where = slot;
    }
    journal.free_edits = edit->next;
    *edit = *from;
    edit->slot = *where;
    edit->older = (*where)->top;
    edit->plan = plan;
    edit->next = plan->edits;
    edit->link = &plan->edits;
    if (edit->next)
        edit->next->link = &edit->next;
    (*where)->top = edit;
    plan->edits = edit;
    return edit;
}

static void unchain(struct journal_edit *edit)
{
    if (!edit->link_in_chain)
        return;
    *edit->link_in_chain = edit->next_in_chain;
    if (edit->next_in_chain)
        edit->next_in_chain->link_in_chain = edit->link_in_chain;
}

void journal_chain(struct journal_edit *edit, struct journal_edit **first)
{
    unchain(edit);
    edit->next_in_chain = *first;
    edit->link_in_chain = first;
    if (*first)
        (*first)->link_in_chain = &edit->next_in_chain;
    *first = edit;
}

struct journal_edit *journal_top(uintptr_t address)
{
    struct journal_slot *slot = *find(address);
    return slot ? slot->top : NULL;
}

static struct journal_edit *above(const struct journal_edit *edit)
{
    struct journal_edit *a = edit->slot->top;
    while (a != edit && a->older != edit)
        a = a->older;
    return a == edit ? NULL : a;
}

void journal_remove(struct journal_edit *edit)
{
    struct journal_slot *slot = edit->slot;
    struct journal_edit *over = above(edit);
    if (over) {
        over->older = edit->older;
        over->before = edit->before;
    } else
        slot->top = edit->older;
    if (!slot->top) {
        *find(slot->address) = slot->next;
        slot->next = journal.free_slots;
        journal.free_slots = slot;
    }
    *edit->link = edit->next;
    if (edit->next)
        edit->next->link = edit->link;
    unchain(edit);
    edit->next = journal.free_edits;
    journal.free_edits = edit;
}

void journal_rewrite(struct journal_edit *edit, uintptr_t written)
{
    struct journal_edit *over = above(edit);
    edit->written = written;
    if (over)
        over->before = written;
}

void journal_end(struct journal_plan *plan)
{
    struct journal_plan **p = &journal.plans;
    while (plan->edits)
        journal_remove(plan->edits);
    while (*p != plan)
        p = &(*p)->next;
    *p = plan->next;
    plan->next = journal.free_plans;
    journal.free_plans = plan;
}

struct journal_plan *journal_find(const struct graft_plan *plan)
{
    struct journal_plan *p = journal.plans;
    while (p && p->plan != plan)
        p = p->next;
    return p;
}

struct journal_plan *journal_first(void)
{
    return journal.plans;
}

void *journal_keep(size_t size)
{
    pthread_mutex_lock(&journal.keep_lock);
    void *memory = arena_alloc(&journal.kept, size);
    pthread_mutex_unlock(&journal.keep_lock);
    return memory;
}
