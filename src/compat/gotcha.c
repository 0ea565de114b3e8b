/* SPDX-License-Identifier: MIT */
/* GOTCHA's interface: a binding is a hook, the bindings of one gotcha_wrap are one
 * plan, a tool is the plans of its name. Invariants: a handle is set before its
 * wrapper can be called, and stays good for the life of the process; asking it is
 * one load, whatever else goes on. */

#include <graft/compat/gotcha/gotcha.h>

#include <string.h>
#include <sys/mman.h>

#include "compat/compat.h"

/* A choice of callers. What is equal is one: hooks share slots only if it is. */
struct filter {
    int (*function)(struct link_map *);
    const char *name;               /* part of a name; NULL: function decides */
    struct filter *next;
};

/* A wrapper of a function. Handles are pointers to these, which stay. */
struct bound {
    void *original;                 /* first: what gotcha_get_wrappee loads; kept by graft */
    const char *name;               /* interned */
    void *wrapper;
    struct batch *batch;            /* that it is in; NULL: none */
    bool missing;                   /* no function of that name is loaded */
    struct bound *next;             /* of all */
};

/* The bindings of one gotcha_wrap. */
struct batch {
    struct batch *next;             /* of the tool, newer */
    const struct filter *filter;    /* NULL: all callers */
    struct graft_plan *plan;        /* NULL: not in place */
    size_t count, room;
    struct bound *bound[];          /* NULL: bound again by a later batch, or nothing to bind */
};

struct tool {
    const char *name;
    int priority;
    bool has_priority;
    struct batch *first, *last;
    struct tool *next;
};

enum { DEFAULT_PRIORITY = -1 };

static struct tool *tools;                  /* all under the lock */
static struct bound *bounds;
static struct batch *unused;
static struct filter *filters, *current;    /* current NULL: all callers */

/* ---- tools ----------------------------------------------------------------- */

static struct tool *find_tool(const char *name, size_t length)
{
    for (struct tool *t = tools; t; t = t->next)
        if (strlen(t->name) == length && !memcmp(t->name, name, length))
            return t;
    return NULL;
}

static struct tool *have_tool(const char *name)
{
    struct tool *tool = find_tool(name, strlen(name));
    if (tool || !(tool = compat_keep(sizeof *tool)))
        return tool;
    if (!(tool->name = compat_intern(name)))
        return NULL;
    tool->next = tools;
    return tools = tool;
}

/* Its own, else that of the nearest parent that has one. */
static int priority_of(const struct tool *tool)
{
    const char *name = tool->name;
    for (size_t length = strlen(name) + 1; length-- > 0;) {
        const struct tool *t = name[length] && name[length] != '/' ? NULL : find_tool(name, length);
        if (t && t->has_priority)
            return t->priority;
    }
    return DEFAULT_PRIORITY;
}

/* ---- callers --------------------------------------------------------------- */

static int takes(const struct link_map *map, void *arg)
{
    const struct filter *filter = arg;
    if (filter->name)
        return strstr(map->l_name, filter->name) != NULL;
    return filter->function((struct link_map *)map);
}

static int is_last(struct link_map *map)
{
    return !map->l_next;
}

static void set_filter(int (*function)(struct link_map *), const char *name)
{
    compat_lock();
    struct filter *f = filters;
    if (name)
        name = compat_intern(name);
    while (f && (f->function != function || f->name != name))
        f = f->next;
    if (!f && (f = compat_keep(sizeof *f))) {
        *f = (struct filter){ function, name, filters };
        filters = f;
    }
    current = f;
    compat_unlock();
}

static int takes_none(struct link_map *map)
{
    (void)map;
    return 0;
}

void gotcha_filter_libraries_by_name(const char *name)
{
    set_filter(name ? NULL : takes_none, name);
}

void gotcha_only_filter_last(void)
{
    set_filter(is_last, NULL);
}

void gotcha_set_library_filter_func(int (*function)(struct link_map *))
{
    if (function)
        set_filter(function, NULL);
    else
        gotcha_restore_library_filter_func();
}

void gotcha_restore_library_filter_func(void)
{
    compat_lock();
    current = NULL;
    compat_unlock();
}

/* ---- putting in ------------------------------------------------------------ */

static struct graft_hook hook_of(const struct tool *tool, const struct batch *batch, struct bound *bound)
{
    struct graft_hook hook = {
        .size = sizeof hook, .symbol = bound->name, .replacement = bound->wrapper, .original = &bound->original,
        .priority = priority_of(tool), .owner = tool->name, .flags = GRAFT_HOOK_LATE };
    if (batch->filter) {
        hook.takes = takes;
        hook.takes_arg = (void *)batch->filter;
    }
    return hook;
}

static int put_one(struct batch *batch, struct graft_hook *hook)
{
    char of[COMPAT_GLOB_MAX];
    int result = compat_put(&batch->plan, hook, 1, NULL);
    if (result == -GRAFT_EAMBIG && !(result = compat_find(hook, of, NULL, NULL, NULL)))
        result = compat_put(&batch->plan, hook, 1, NULL);
    return result;
}

/* On an error the batch is not in place. */
static int put_in(const struct tool *tool, struct batch *batch)
{
    struct graft_hook few[8], *hooks = few;
    size_t count = 0, size = batch->count * sizeof *hooks;
    if (size > sizeof few
        && (hooks = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) == MAP_FAILED)
        return -GRAFT_ENOMEM;
    for (size_t i = 0; i < batch->count; i++)
        if (batch->bound[i])
            hooks[count++] = hook_of(tool, batch, batch->bound[i]);
    int result = count > 1 ? compat_put(&batch->plan, hooks, count, NULL) : count ? put_one(batch, hooks) : 0;
    if (hooks != few)
        munmap(hooks, size);
    return result;
}

static int take_out(struct batch *batch)
{
    int result = batch->plan ? graft_plan_undo(batch->plan, NULL) : 0;
    graft_plan_free(batch->plan);
    batch->plan = NULL;
    return result;
}

static struct batch *spare_batch(size_t count)
{
    for (struct batch **at = &unused, *batch; (batch = *at); at = &batch->next)
        if (batch->room >= count) {
            *at = batch->next;
            return batch;
        }
    struct batch *batch = compat_keep(sizeof *batch + count * sizeof *batch->bound);
    if (batch)
        batch->room = count;
    return batch;
}

static struct batch *new_batch(struct tool *tool, size_t count)
{
    struct batch *batch = spare_batch(count);
    if (!batch)
        return NULL;
    batch->next = NULL;
    batch->filter = current;
    batch->count = count;
    memset(batch->bound, 0, count * sizeof *batch->bound);
    if (tool->last)
        tool->last->next = batch;
    else
        tool->first = batch;
    return tool->last = batch;
}

static void drop_batch(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->bound[i])
            batch->bound[i]->batch = NULL;
    batch->next = unused;
    unused = batch;
}

/* ---- wrapping -------------------------------------------------------------- */

static struct bound *have_bound(const char *name, void *wrapper)
{
    struct bound *b = bounds;
    while (b && (b->name != name || b->wrapper != wrapper))
        b = b->next;
    if (b || !name || !(b = compat_keep(sizeof *b)))
        return b;
    *b = (struct bound){ .name = name, .wrapper = wrapper, .next = bounds };
    return bounds = b;
}

/* A wrapper stands once in a chain: twice, it would be its own wrappee. */
static void leave_batch(struct bound *bound)
{
    struct batch *batch = bound->batch;
    for (size_t i = 0; batch && i < batch->count; i++)
        if (batch->bound[i] == bound) {
            batch->bound[i] = NULL;
            if (batch->plan)
                graft_unhook(bound->name, bound->wrapper);
        }
    bound->batch = NULL;
}

static bool join(struct batch *batch, size_t i, const gotcha_binding_t *binding)
{
    if (!binding->name || !binding->wrapper_pointer)
        return true;
    struct bound *bound = have_bound(compat_intern(binding->name), binding->wrapper_pointer);
    if (!bound)
        return false;
    leave_batch(bound);
    bound->batch = batch;
    batch->bound[i] = bound;
    if (binding->function_handle)
        __atomic_store_n(binding->function_handle, bound, __ATOMIC_RELEASE);
    return true;
}

/* With graft's locks held. */
static int note_missing(const struct graft_hook_info *hook, void *arg)
{
    struct batch *batch = arg;
    for (size_t i = 0; i < batch->count && !hook->function; i++)
        if (batch->bound[i] && batch->bound[i]->wrapper == hook->replacement
            && !strcmp(batch->bound[i]->name, hook->symbol))
            batch->bound[i]->missing = true;
    return 0;
}

static bool all_found(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->bound[i])
            batch->bound[i]->missing = false;
    graft_hooks_each(note_missing, batch);
    for (size_t i = 0; i < batch->count; i++)
        if (!batch->bound[i] || batch->bound[i]->missing)
            return false;
    return true;
}

static enum gotcha_error_t error_of(int result)
{
    return !result ? GOTCHA_SUCCESS
         : result == -GRAFT_ENOFUNC || result == -GRAFT_ETYPE ? GOTCHA_FUNCTION_NOT_FOUND : GOTCHA_INTERNAL;
}

static enum gotcha_error_t worse(enum gotcha_error_t a, enum gotcha_error_t b)
{
    return a > b ? a : b;
}

static enum gotcha_error_t wrap_batch(struct tool *tool, const gotcha_binding_t *bindings, size_t count)
{
    struct batch *batch = new_batch(tool, count);
    if (!batch)
        return GOTCHA_INTERNAL;
    for (size_t i = 0; i < count; i++)
        if (!join(batch, i, &bindings[i]))
            return GOTCHA_INTERNAL;
    int result = put_in(tool, batch);
    if (!result)
        return all_found(batch) ? GOTCHA_SUCCESS : GOTCHA_FUNCTION_NOT_FOUND;
    for (size_t i = 0; i < count; i++)
        if (batch->bound[i])
            leave_batch(batch->bound[i]);
    return error_of(result);
}

/* One walk for all; where a binding spoils it for the others, one for each. */
static enum gotcha_error_t wrap_all(struct tool *tool, const gotcha_binding_t *bindings, size_t count)
{
    enum gotcha_error_t error = wrap_batch(tool, bindings, count);
    if (count <= 1 || !tool->last || tool->last->plan)
        return error;
    error = GOTCHA_SUCCESS;
    for (size_t i = 0; i < count; i++)
        error = worse(error, wrap_batch(tool, &bindings[i], 1));
    return error;
}

enum gotcha_error_t gotcha_wrap(struct gotcha_binding_t *bindings, int count, const char *tool_name)
{
    if (count < 0 || (count && !bindings))
        return GOTCHA_INTERNAL;
    compat_lock();
    struct tool *tool = have_tool(tool_name ? tool_name : "unnamed");
    enum gotcha_error_t error = tool ? GOTCHA_SUCCESS : GOTCHA_INTERNAL;
    if (tool && count)
        error = wrap_all(tool, bindings, (size_t)count);
    compat_unlock();
    return error;
}

enum gotcha_error_t gotcha_unwrap(const char *tool_name)
{
    enum gotcha_error_t error = GOTCHA_SUCCESS;
    compat_lock();
    struct tool *tool = tool_name ? find_tool(tool_name, strlen(tool_name)) : NULL;
    for (struct batch *batch = tool ? tool->first : NULL, *next; batch; batch = next) {
        next = batch->next;
        error = worse(error, error_of(take_out(batch)));
        drop_batch(batch);
    }
    if (tool)
        tool->first = tool->last = NULL;
    compat_unlock();
    return tool ? error : GOTCHA_INVALID_TOOL;
}

/* The handle is the address of what graft keeps up to date. */
void *gotcha_get_wrappee(gotcha_wrappee_handle_t handle)
{
    return handle ? __atomic_load_n((void **)handle, __ATOMIC_ACQUIRE) : NULL;
}

/* ---- priorities ------------------------------------------------------------ */

static bool inherits(const struct tool *tool, const struct tool *from)
{
    size_t length = strlen(from->name);
    return !strncmp(tool->name, from->name, length) && tool->name[length] == '/';
}

/* graft orders hooks when they are put in. */
static enum gotcha_error_t move(struct tool *tool)
{
    enum gotcha_error_t error = GOTCHA_SUCCESS;
    for (struct batch *batch = tool->first; batch; batch = batch->next)
        if (batch->plan) {
            error = worse(error, error_of(take_out(batch)));
            error = worse(error, error_of(put_in(tool, batch)));
        }
    return error;
}

static enum gotcha_error_t set_priority(struct tool *tool, int priority)
{
    enum gotcha_error_t error = GOTCHA_SUCCESS;
    bool same = priority_of(tool) == priority;
    tool->priority = priority;
    tool->has_priority = true;
    for (struct tool *t = tools; t && !same; t = t->next)
        if (t == tool || (inherits(t, tool) && !t->has_priority))
            error = worse(error, move(t));
    return error;
}

enum gotcha_error_t gotcha_set_priority(const char *tool_name, int priority)
{
    if (!tool_name)
        return GOTCHA_INVALID_TOOL;
    compat_lock();
    struct tool *tool = have_tool(tool_name);
    enum gotcha_error_t error = tool ? set_priority(tool, priority) : GOTCHA_INTERNAL;
    compat_unlock();
    return error;
}

enum gotcha_error_t gotcha_get_priority(const char *tool_name, int *priority)
{
    compat_lock();
    const struct tool *tool = tool_name ? find_tool(tool_name, strlen(tool_name)) : NULL;
    if (tool && priority)
        *priority = priority_of(tool);
    compat_unlock();
    return tool ? GOTCHA_SUCCESS : GOTCHA_INVALID_TOOL;
}
