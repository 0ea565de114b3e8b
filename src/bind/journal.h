/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_JOURNAL_H
#define GRAFT_BIND_JOURNAL_H

/* What was written into this process, newest on top of each slot:
 *
 *     slot ──▶ edit of plan B ──▶ edit of plan A ──▶ what the loader had left
 *
 * so that plans can be undone in any order: the newest one writes, an older one
 * only hands its "before" up. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"
#include "plan/world.h"

struct journal_slot;
struct journal_plan;
struct chain;

struct journal_edit {
    struct journal_slot *slot;
    struct journal_edit *older;             /* below on the same slot */
    struct journal_edit *next, **link;      /* of the same plan */
    struct journal_edit *next_in_chain, **link_in_chain;
    struct journal_plan *plan;
    struct chain *chain;                    /* hooks: what the slot leads to; NULL: none */
    uintptr_t addend;                       /* hooks: written less the replacement's address */
    int member;
    bool lazy, address;                     /* address: the words are addresses of objects */
    bool exported;                          /* the word is a symbol's value */
    bool met;                               /* by the operation under way */
    uintptr_t before, written;
};

struct journal_slot {
    uintptr_t address;
    struct journal_edit *top;
    struct journal_slot *next;              /* in its bucket */
};

/* A plan that is applied: its edits and what it holds loaded. */
struct journal_plan {
    struct graft_plan *plan;
    struct journal_edit *edits;
    void **pins;                            /* handles for dlclose */
    size_t pin_count;
    bool released;                          /* the caller has freed the plan */
    struct journal_plan *next;
};

/* The lock over the journal. Never hold it while calling dlopen, dlsym or
 * dlclose: a thread in a constructor holds the loader's lock and may want this
 * one. fork keeps it whole. */
void journal_lock(void);
void journal_unlock(void);

/* All below need the lock. */
struct journal_plan *journal_begin(struct graft_plan *);
/* Puts @edit (slot, plan and lists unset) on top of the slot at @address; NULL:
 * nothing was reserved. */
struct journal_edit *journal_push(struct journal_plan *, uintptr_t address, const struct journal_edit *edit);
/* Reserves room, so that the pushes of one plan cannot fail half way. */
int journal_reserve(size_t edits);
/* The edit on top of the slot, or NULL. */
struct journal_edit *journal_top(uintptr_t address);
/* Takes @edit out of its slot and its lists and gives its memory back. */
void journal_remove(struct journal_edit *);
/* The word of @edit's slot becomes @written. */
void journal_rewrite(struct journal_edit *, uintptr_t written);
/* Moves @edit into the list at @first. */
void journal_chain(struct journal_edit *, struct journal_edit **first);
void journal_end(struct journal_plan *);
struct journal_plan *journal_find(const struct graft_plan *);
/* Every applied plan, for walking. */
struct journal_plan *journal_first(void);

/* Memory that stays for the life of the process; needs no lock, and may be called
 * inside the loader's. */
void *journal_keep(size_t size);

#endif
