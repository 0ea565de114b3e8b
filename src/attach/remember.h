/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_REMEMBER_H
#define GRAFT_ATTACH_REMEMBER_H

/* What was applied to a target from outside, kept in a small file of this user:
 * $XDG_RUNTIME_DIR/graft/PID-STARTTIME.json. Newest plan last:
 *
 *     slot ──▶ edit of plan 2 ──▶ edit of plan 1 ──▶ what the loader had left
 *
 * so that plans can be undone in any order: the newest one on a slot writes, an
 * older one only hands its "before" up. */

#include "attach/process.h"
#include "base/arena.h"
#include "elf/image.h"

struct remembered_slot {
    uint64_t address, before, written;
    int member;
    bool lazy;
    bool pointer;                   /* the words are addresses of objects */
    const char *symbol;
};

/* Enough of an object to know it again. */
struct remembered_member {
    const char *path;
    unsigned space;
    uint64_t start, end, link_map;
    uint8_t build_id[ELF_BUILD_ID_MAX];
    size_t build_id_size;
};

struct remembered_plan {
    unsigned id;
    int64_t time;                   /* seconds since 1970 */
    bool applying;                  /* begun, and perhaps not finished */
    bool dropped;                   /* not to be saved any more */
    const char *label;
    struct remembered_member *member;
    size_t member_count;
    struct remembered_slot *slot;   /* by ascending address */
    size_t count;
};

struct remembered {
    struct arena arena;
    struct arena_list plans;        /* of struct remembered_plan, oldest first */
    unsigned next_id;
    int directory;                  /* locked until remember_close */
    char file[64], namespace[64];
};

/* Opens, locks and reads what is remembered of the target, and removes the files
 * of processes that are gone. The caller closes it, also after a failure.
 * -GRAFT_ESYS, -GRAFT_EBUSY, -GRAFT_EFORMAT, -GRAFT_ENOMEM. */
int remember_open(struct remembered *, const struct process *, struct graft_error *);
void remember_close(struct remembered *);

/* Replaces the file in one step; removes it where nothing is left to remember. */
int remember_save(const struct remembered *, const struct process *, struct graft_error *);

/* A new plan at the end, for the caller to fill; NULL: out of memory. */
struct remembered_plan *remember_add(struct remembered *, size_t members, size_t slots);

static inline struct remembered_plan *remember_plan(const struct remembered *remembered, size_t i)
{
    return arena_list_at(&remembered->plans, i);
}

/* The next newer, or next older, edit of the slot at @address, seen from plan *@i,
 * which becomes the plan that it belongs to; NULL: none. */
struct remembered_slot *remember_above(const struct remembered *, size_t *i, uint64_t address);
struct remembered_slot *remember_below(const struct remembered *, size_t *i, uint64_t address);

/* Forgets those edits of plans that were never finished which do not show in the
 * target: the tool was killed before it wrote them. */
void remember_settle(struct remembered *, const struct process *);

/* Forgets one edit. */
void remember_forget(struct remembered_plan *, struct remembered_slot *);

#endif
