/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_API_SHARE_H
#define GRAFT_API_SHARE_H

/* Several copies of graft in one process (preloaded, linked into a tool, linked into
 * another): the first that acts leads, and all others hand their calls to it, because
 * a process has one set of slots and must have one journal.
 *
 * Which functions they hand over: X(layer, name, parameters, arguments, error). */

#include <stdint.h>

#include "bind/bind.h"
#include "load/load.h"

#define SHARED_DIRECTLY(X) \
    X(bind, plan_apply, (struct graft_plan *plan, struct graft_error *error), (plan, error), error) \
    X(bind, plan_undo, (struct graft_plan *plan, struct graft_error *error), (plan, error), error) \
    X(load, rules_add, (const char *text, struct graft_error *error), (text, error), error) \
    X(bind, watch, (struct graft_error *error), (error), error) \
    X(bind, plan_hook, (struct graft_plan **plan, const struct graft_hook *hooks, size_t count, \
                       struct graft_error *error), (plan, hooks, count, error), error) \
    X(bind, plan_enable, (struct graft_plan *plan, int enabled, struct graft_error *error), \
      (plan, enabled, error), error) \
    X(bind, hook, (const char *symbol, void *replacement, void **original), (symbol, replacement, original), NULL) \
    X(bind, unhook, (const char *symbol, void *replacement), (symbol, replacement), NULL) \
    X(bind, hook_enable, (const char *symbol, void *replacement, int enabled), (symbol, replacement, enabled), NULL) \
    X(bind, hooks_each, (int (*each)(const struct graft_hook_info *, void *), void *arg), (each, arg), NULL) \
    X(bind, hooks_start, (const struct graft_hook_library *library, const char *arguments, \
                         struct graft_error *error), (library, arguments, error), error) \
    X(bind, hooks_stop, (const struct graft_hook_library *library, struct graft_error *error), \
      (library, error), error)

/* Those whose public name takes its caller's address along, or another name. */
#define SHARED_LOADS(X) \
    X(load, watch, (const char *globs, const struct graft_load *wish, struct graft_error *error), \
      (globs, wish, error), error) \
    X(load, plan, (struct graft_load_plan **plan, const char *path, int mode, const struct graft_load *wish, void *from, \
                   struct graft_error *error), (plan, path, mode, wish, from, error), error) \
    X(load, load, (const char *path, int mode, const struct graft_load *wish, void **handle, void *from, \
                   struct graft_error *error), (path, mode, wish, handle, from, error), error)

#define SHARED_FUNCTIONS(X) SHARED_DIRECTLY(X) SHARED_LOADS(X)

/* Counted up with every change of struct graft_plan, of what it holds, or of this. */
#ifndef SHARE_LAYOUT
#define SHARE_LAYOUT 2
#endif

/* What a copy shows of itself; size, layout, leads and version never move. */
struct share {
    uint32_t size, layout;
    uint32_t leads;
    char version[20];
    void (*plan_free)(struct graft_plan *);
#define SHARE_X(layer, name, parameters, arguments, error) int (*layer##_##name) parameters;
    SHARED_FUNCTIONS(SHARE_X)
#undef SHARE_X
};

/* The copy that acts in this process, chosen now if none has acted yet; NULL: it is of
 * another layout, and @error says which and where. */
const struct share *share_leader(struct graft_error *error);

#endif
