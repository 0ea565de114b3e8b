/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_CHAIN_H
#define GRAFT_BIND_CHAIN_H

/* Which hooks there are, and in which order they are called:
 *
 *     function ──▶ chain (certain callers      ) ──▶ link ──▶ link
 *              └─▶ chain (all other callers) ──▶ link     │ hook │
 *
 * A hook without `of` may have links in several functions. All below need the
 * journal's lock. */

#include <graft/hook.h>

#include "bind/journal.h"
#include "plan/hook.h"

enum { HOOK_HOLDERS = 3 };

enum hook_state { HOOK_PLANNED, HOOK_ENABLED, HOOK_DISABLED };

struct hook {
    const char *symbol, *version, *of, *owner;          /* NULL: not given */
    struct hook_callers callers;
    void *replacement, **original;
    int priority;
    unsigned flags;
    enum hook_state state;
    struct graft_plan *plan;        /* that asked for it; NULL: freed */
    struct link *links;             /* none: its function is not loaded */
    /* The objects of the replacement, the original, takes; 0: none that can be closed. */
    struct hook_holder { uint64_t link_map, start; } holder[HOOK_HOLDERS];
    enum hook_state before;         /* the state, for an operation that fails */
    unsigned long age;              /* grows with each hook */
    unsigned closing;               /* threads that are about to close the holder */
    bool suspended;                 /* by them */
    bool chosen;                    /* by the operation under way */
    struct hook *newer, *older;
};

struct link {
    struct hook *hook;
    struct chain *chain;
    struct link *next;              /* called after this one */
    struct link *next_of_hook;
};

struct chain {
    struct function *function;
    struct hook_callers callers;
    struct link *links;
    uintptr_t now;                  /* what its slots hold; 0: it has none */
    uintptr_t was;                  /* what the loader may have bound slots to since; 0: nothing */
    struct journal_edit *edits;
    struct chain *next;
};

struct function {
    const char *symbol, *object;
    uintptr_t from;                 /* the function itself */
    uint64_t link_map, start;       /* of the object that defines it */
    uint32_t index;                 /* of the symbol there */
    size_t seen_at;                 /* the object's index in the world, perhaps */
    uintptr_t gate, last;           /* watched functions: what slots hold, what is called in the end */
    uintptr_t entry;                /* what a gate calls for most callers */
    struct chain *chains;           /* those with callers first */
    bool touched;                   /* by the operation under way */
    bool loose;                     /* the loader binds slots to it that are not in the journal */
    bool exported;                  /* its symbol's value leads to the first hook, or cannot */
    struct function *next, *same_bucket;
};

/* Counts up whenever a hook, a state or a function changes. */
unsigned long chain_generation(void);
void chain_changed(void);

/* A hook in the state HOOK_PLANNED with nothing linked; NULL: out of memory. */
struct hook *hook_new(const struct graft_hook *, struct graft_plan *);
/* Unlinks and forgets it. Its functions are touched. */
void hook_drop(struct hook *);
struct hook *hook_newest(void);

/* The function at @from under that name; made if need be (@make). */
struct function *function_of(const char *symbol, uintptr_t from, bool make);
struct function *function_first(void);          /* all: by ->next */
/* Whether a function of that name may be there; needs no lock. */
bool chain_has_name(const char *symbol);
/* Where it is defined; false: out of memory. */
bool function_place(struct function *, const char *object, uint64_t link_map, uint64_t start, uint32_t index);
/* Whether the function is hooked for all, and its symbol does not tell yet. */
bool function_is_put_off(const struct function *);
/* Whether any is, as far as the operation that ended last knows; needs no lock. */
bool functions_put_off(void);
/* The operation is over: no function is touched. */
void function_settled(void);
/* Forgets chains and functions that nothing holds on to. */
void function_tidy(void);
/* Takes the links of a function out that is gone; its hooks wait for another one. */
void function_gone(struct function *);

/* Links @hook into its chain of @function: 0, -GRAFT_ENOMEM, -GRAFT_ESTATE (the same
 * replacement is there). */
int hook_link(struct hook *, struct function *);
/* The chain for these callers; made if need be (@make). */
struct chain *chain_of(struct function *, const struct hook_callers *, bool make);
/* The chain for all callers that no other one is for; NULL: none. */
struct chain *chain_wide(const struct function *);
static inline bool chain_is_wide(const struct chain *chain)
{
    return hook_callers_all(&chain->callers);
}

/* What the slots of @chain are to hold; hooks that are planned by @plan count. 0: they
 * are to be given back. */
uintptr_t chain_target(const struct chain *, const struct graft_plan *plan);
/* The chain that serves the callers of @chain now: itself, the wide one, NULL. */
struct chain *chain_server(struct chain *);
/* Sets every *original and the entry, from the innermost outwards. */
void function_set_originals(struct function *);
/* What is called first for callers of @chain: a replacement, or the function. */
uintptr_t chain_entry(const struct chain *);
/* The first hook of @chain that is called, NULL: none; and what comes behind one. */
const struct link *chain_first(const struct chain *);
uintptr_t link_behind(const struct link *);
/* The chain with a hook that the calls of @object meet first; NULL: none. WORLD_NONE:
 * code in no object. */
struct chain *chain_for(const struct function *, const struct world *, size_t object);
/* The function at @address under that name, or whose symbol leads to @address; NULL. */
const struct function *function_leading_to(const char *symbol, uintptr_t address);

#endif
