/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_HOOK_H
#define GRAFT_PLAN_HOOK_H

/* Hooks over a world: which function a name means, and which slots lead to it. */

#include "plan/plan.h"

/* What a hook names. */
struct hook_wanted {
    const char *symbol, *version, *of;      /* as in struct graft_hook */
    uint32_t gnu_hash;
    struct hook_definition *first, *last;   /* what was found */
};

/* A function that was found for a name. */
struct hook_definition {
    size_t object;
    struct elf_symbol symbol;
    uint64_t address;               /* of what runs */
    struct hook_definition *next;   /* for the same name, in the order of objects */
};

/* Finds the definitions of all @wanted in the objects of @set (NULL: all), object by
 * object, in @arena. -GRAFT_ENOMEM. */
int hook_find(const struct world *, const unsigned char *set, struct hook_wanted *wanted, size_t count,
              struct arena *);

/* Of several definitions of one name the one that the main program's scope finds, or
 * the only one; NULL: none, or *ambiguous. */
const struct hook_definition *hook_choose(const struct world *, const struct hook_wanted *, bool *ambiguous);

/* Why no definition was found: -GRAFT_ETYPE, -GRAFT_ENOFUNC with the reason. */
int hook_explain(const struct world *, const struct hook_wanted *, struct graft_error *);

struct link_map;

/* Whose calls are meant. Texts are equal if they are the same. */
struct hook_callers {
    const char *in;                 /* globs; NULL: all */
    int (*takes)(const struct link_map *, void *arg);      /* NULL: all */
    void *arg;
};

static inline bool hook_callers_all(const struct hook_callers *c)
{
    return !c->in && !c->takes;
}
static inline bool hook_callers_same(const struct hook_callers *a, const struct hook_callers *b)
{
    return a->in == b->in && a->takes == b->takes && a->arg == b->arg;
}
bool hook_callers_have(const struct hook_callers *, const struct world *, size_t object);

/* A function whose slots lead to replacements, for one set of callers. */
struct hook_function {
    const char *symbol;
    struct hook_callers callers;
    uint64_t from;                  /* the function's own address */
    uint64_t now;                   /* what its slots hold if it is hooked; 0: it is not */
    uint64_t to;                    /* what they are to hold */
    size_t owner;                   /* the object that defines it */
    uint32_t index;                 /* of the symbol there */
    bool exported;                  /* the symbol's value is to change as well */
    bool asked;                     /* a slot that another one holds is told of */
    void *chain;                    /* the caller's */
};

/* Adds to @plan the slots of @functions in the objects of @set, and the exports of
 * those that the set holds. Functions of one definition stand together, those with
 * callers before the one without. The functions must outlive the plan's use of their
 * numbers (plan_entry.function). -GRAFT_ENOMEM. */
int hook_slots(struct graft_plan *, const struct world *, const unsigned char *set,
               const struct hook_function *functions, size_t count);

#endif
