/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_PLAN_H
#define GRAFT_PLAN_PLAN_H

/* The plan as the layers above the planner see it: entries (an edit and where it
 * belongs) and members (the objects that edits lie in or point to). */

#include <graft/plan.h>

#include "base/arena.h"
#include "base/text.h"
#include "plan/world.h"

/* Enough of an object to find it again, and to know that it is the same one: a
 * reopened library may have the same link_map at the same place. */
struct plan_member {
    const char *path;
    const char *name;               /* SONAME, else the path's basename */
    unsigned space;
    bool permanent;                 /* cannot be unloaded */
    bool is_target;                 /* an edit points into it: it must stay loaded */
    size_t seen_at;                 /* its index in the world, perhaps */
    uint64_t bias, start, end, link_map;
    uint8_t build_id[ELF_BUILD_ID_MAX];
    size_t build_id_size;
};

struct hook_function;

enum { PLAN_NO_MEMBER = -1 };

struct plan_entry {
    struct graft_edit edit;
    int member, target;             /* indexes; target PLAN_NO_MEMBER: none */
    int function;                   /* hooks: number of the function, from 1 on; 0: none */
    uint64_t addend;                /* hooks: what the slot holds beyond the function's address */
};

enum plan_state { PLAN_BUILT, PLAN_APPLIED, PLAN_UNDONE };

enum { GRAFT_VERDICT_COUNT = GRAFT_VERDICT_PROTECTED + 1 };

struct graft_plan {
    struct arena arena;
    struct arena_list entries, members;
    size_t count[GRAFT_VERDICT_COUNT];
    size_t relocations;             /* walked */
    unsigned flags, word_size;
    enum plan_state state;
    unsigned long long adds, subs;  /* objects ever loaded and unloaded, when the plan was made
                                       or applied; 0: not known */
    const char *last_version;       /* the string interned last */
    bool unpinned;                  /* its targets need not be held: they stay as long as its slots */
    void **pins;                    /* room for a handle on each member, from the first apply on */
    bool hooks;                     /* made by graft_plan_hook, with these functions */
    const struct hook_function *function;
    size_t function_count;
    unsigned long generation;       /* of the hooks that it was made among */
};

struct graft_plan *plan_new(unsigned flags);
void plan_free(struct graft_plan *);

static inline struct plan_entry *plan_entry(const struct graft_plan *plan, size_t i)
{
    return arena_list_at(&plan->entries, i);
}
static inline struct plan_member *plan_member(const struct graft_plan *plan, int i)
{
    return arena_list_at(&plan->members, (size_t)i);
}

/* The member that stands for @object of @world, added if need be; negative: out
 * of memory. */
int plan_member_of(struct graft_plan *, const struct world *, size_t object);

/* The object of @world that @member describes, if it is still the same one, else
 * WORLD_NONE. */
size_t plan_member_find(const struct world *, struct plan_member *member);

/* Adds an entry; strings of @entry's edit are copied. 0 or -GRAFT_ENOMEM. */
int plan_add(struct graft_plan *, const struct plan_entry *);

/* Whether a verdict means that the slot is written, or that it refuses the plan. */
static inline bool verdict_edits(enum graft_verdict verdict)
{
    return verdict <= GRAFT_VERDICT_WEAK;
}
static inline bool verdict_refuses(enum graft_verdict verdict)
{
    return verdict >= GRAFT_VERDICT_MISSING;
}

/* How many slots will be written, and how many forbid applying the plan. */
size_t plan_edits(const struct graft_plan *);
size_t plan_refusals(const struct graft_plan *);

/* Whether the plan may be applied: -GRAFT_EREFUSED names the first obstacle and
 * the number of further ones. */
int plan_check(const struct graft_plan *, struct graft_error *);

/* The plan as JSON: what `graft plan --json` prints, what a preloaded graft hands
 * to the tool, what an attached one remembers. */
void plan_write_json(const struct graft_plan *, struct text_buffer *);

/* Writes @text as a JSON string, quotes included. */
void text_append_json(struct text_buffer *, const char *text);

#endif
