/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_HOOKS_H
#define GRAFT_BIND_HOOKS_H

/* Hooks in this process: chains of them, and the slots that lead to the first of each. */

#include "bind/chain.h"
#include "bind/slots.h"
#include "live/live.h"
#include "plan/hook.h"
#include "plan/plan.h"

/* An operation on hooks: prepare changes chains and perhaps plans slots, then all
 * slots of the functions that it touched are brought to what their chains want. */
struct hook_job {
    struct arena arena;
    struct slots slots;
    struct graft_plan *plan;        /* entries for slots that are not in the journal; NULL: none */
    bool sweeps, last;              /* it only looks for what the loader bound; for the last time */
    bool asks;                      /* it writes what the loader was asked about */
    bool quiet;                     /* plans that were made before stay good */
    bool strict;                    /* a slot that holds something else takes all back */
    size_t left;                    /* slots that somebody else had written */
    struct live_counts counts;
    struct graft_error *error;
    int (*prepare)(struct hook_job *, const struct world *);
    void (*revert)(struct hook_job *);      /* undoes what prepare did to the chains */
    void (*finish)(struct hook_job *);      /* after success; all locks still held */
    void *arg;
    /* private to hook_job.c */
    const struct world *world;
    struct { const struct plan_member *member; uintptr_t start, end; } sealed;     /* of the object before */
    struct hook_note *notes;
    size_t note_count;
};

/* Runs @job with all locks held, and settles. 0, what prepare returned, or a code of
 * apply; then nothing has changed. The job's plan belongs to the journal afterwards if
 * it was applied. */
int hook_job_run(struct hook_job *);

/* Adds to the plan the slots in the objects of @set that lead to hooked functions;
 * @touched: only to those that the operation touched. Hooks that the plan asks for count
 * as if they were in. Exports of many functions at once are put off until something is
 * loaded. -GRAFT_ENOMEM. */
int hooks_plan_functions(struct graft_plan *, const struct world *, const unsigned char *set, bool touched);

/* In prepare: makes the job's plan, of all objects' slots that lead to the functions that
 * the operation touched. -GRAFT_ENOMEM. */
int hooks_cover_touched(struct hook_job *, const struct world *);

/* Whether the slot of @edit, were it not hooked, would lead to the function of its chain. */
bool hook_edit_belongs(const struct journal_edit *edit);

/* All objects but graft's own, in @arena; NULL: out of memory. */
world_set hooks_everybody(const struct world *, struct arena *);

/* Links @hook to what was found for its name: all, or with an original the one that is
 * meant. -GRAFT_EAMBIG, -GRAFT_ESTATE, -GRAFT_ENOMEM. */
int hook_link_found(struct hook *, const struct world *, const struct hook_wanted *, struct graft_error *);

/* In an operation: the hook is in @state from now on, and was in another one before. */
void hook_set_state(struct hook *, enum hook_state state);
void hook_restore_states(struct hook_job *);
void hook_keep_states(struct hook_job *);

/* A visit after something was closed: hooks of functions that are gone wait, hooks whose
 * replacement is gone are dropped. */
void hooks_forget(const struct world *);

/* After something was loaded: objects of @fresh are covered, hooks that waited find
 * their functions. Without locks held. */
void hooks_late(bool (*fresh)(const struct world_object *, void *arg), void *arg);

/* Before something is loaded: the symbols of functions that were hooked in large numbers,
 * which was put off, lead to the first hook. Without locks held. */
void hooks_export(void);

/* After an operation: gives back, or leads to what is called now, the slots that the loader
 * has bound to what was called first before. Without locks held. */
void hooks_sweep(void);

/* Asks the loader about the slots that @plan left open, and hooks them. Without locks
 * held. */
void hooks_resolve_open(const struct graft_plan *plan);

/* Slots were written under the hooks: looks at all objects again. Without locks held. */
void hooks_again(void);

/* Frees a hook plan's hooks: those that are only planned go, the others stay. Needs the
 * journal's lock. */
void hooks_release(struct graft_plan *);

/* Before the object with that link_map is closed: hooks whose replacements may go with
 * it are taken out. hooks_stayed puts those back that did not go. */
struct hooks_closing { struct arena arena; uint64_t link_map; unsigned long *age; size_t count; };
void hooks_closing(struct hooks_closing *);
void hooks_stayed(struct hooks_closing *);

/* What a program's own dlsym of @name is to answer instead of @address; @from is its
 * caller, @next whether it asked for RTLD_NEXT. */
uintptr_t hooks_answer(const char *name, uintptr_t address, uintptr_t from, bool next);

/* What a call of the watched @function from @from goes to. */
uintptr_t hooks_entry(const struct function *function, uintptr_t from);

int hook_plan_apply(struct graft_plan *, struct graft_error *);
int hook_plan_undo(struct graft_plan *, struct graft_error *);

#endif
