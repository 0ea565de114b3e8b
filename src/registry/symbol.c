/* SPDX-License-Identifier: MIT */
/* dlsym and dlvsym. Invariant: the scopes and their order are ld.so's; the C library,
 * which is the last of every module's scope there, is the main program here. */

#include <dlfcn.h>
#include <string.h>

#include "registry/state.h"

struct question { struct registry *r; const char *name, *version; struct found found; };

static bool look(struct question *q, struct module *m)
{
    return module_lookup(m, q->name, q->version, &q->found);
}

/* The C library is the last of every module's scope. */
static bool look_library(struct question *q)
{
    q->found.module = &q->r->main;
    return main_lookup(q->name, true, &q->found.address);
}

static bool look_list(struct question *q, struct module **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (look(q, list[i]))
            return true;
    return false;
}

static bool look_default(struct question *q, const struct module *caller)
{
    return look(q, &q->r->main) || look_list(q, q->r->globals, q->r->globals_count)
        || look_list(q, caller->scope, caller->scope_count);
}

/* What comes after the caller in the scope of the one that was opened by name. */
static bool look_next(struct question *q, const struct module *caller)
{
    const struct module *root = caller;
    size_t i = 0;
    if (caller == &q->r->main)
        return look_library(q) || look_list(q, q->r->globals, q->r->globals_count);
    while (root->loader)
        root = root->loader;
    while (i < root->scope_count && root->scope[i] != caller)
        i++;
    return (i < root->scope_count && look_list(q, root->scope + i + 1, root->scope_count - i - 1)) || look_library(q);
}

static const char *called(const struct registry *r, const struct module *m)
{
    return *m->path ? m->path : registry_program(r);
}

/* Who calls is found among all that is open: only the two scopes that depend on it ask. */
static bool ask(struct question *q, struct module *handle, void *scope, const void *caller_address, const char **object)
{
    struct module *caller = handle ? handle : module_of(q->r, caller_address);
    *object = called(q->r, caller);
    if (scope == RTLD_NEXT)
        return look_next(q, caller);
    if (scope == RTLD_DEFAULT) {
        if (!look_default(q, caller))
            return false;
        module_hold(caller, q->found.module);
        return true;
    }
    if (handle == &q->r->library)
        return look_library(q);
    if (handle == &q->r->main)
        return look(q, &q->r->main) || look_list(q, q->r->globals, q->r->globals_count);
    return look_list(q, handle->scope, handle->scope_count) || look_library(q);
}

static void *find(const char *name, const char *version, void *scope, const void *caller_address)
{
    struct registry *r = registry_enter();
    struct question q = { r, name, version, { NULL, NULL, NULL } };
    bool by_handle = scope != RTLD_DEFAULT && scope != RTLD_NEXT;
    struct module *handle = by_handle ? handle_module(r, scope) : NULL;
    const char *object;
    void *address = NULL;
    error_none();
    if (by_handle && (!handle || !handle->open)) {
        error_say("", "invalid handle %p", scope);
    } else {
        if (ask(&q, handle, scope, caller_address, &object))
            address = q.found.address;
        else if (version)
            error_say(object, "undefined symbol: %s, version %s", name, version);
        else
            error_say(object, "undefined symbol: %s", name);
        if (r->debug_symbols)
            registry_debug("symbol=%s;  lookup by %s: %s", name, object,
                           address ? called(r, q.found.module) : "not found");
    }
    registry_leave();
    return address;
}

EXPORT void *dlsym(void *restrict handle, const char *restrict name)
{
    return find(name, NULL, handle, __builtin_return_address(0));
}

void *dlvsym(void *restrict handle, const char *restrict name, const char *restrict version);

EXPORT void *dlvsym(void *restrict handle, const char *restrict name, const char *restrict version)
{
    return find(name, version, handle, __builtin_return_address(0));
}
