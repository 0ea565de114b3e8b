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
        return look_list(q, q->r->globals, q->r->globals_count);
    while (root->loader)
        root = root->loader;
    while (i < root->scope_count && root->scope[i] != caller)
        i++;
    return (i < root->scope_count && look_list(q, root->scope + i + 1, root->scope_count - i - 1)) || look(q, &q->r->main);
}

static void *find(const char *name, const char *version, void *handle, const void *caller_address)
{
    struct registry *r = registry_enter();
    struct question q = { r, name, version, { NULL, NULL, NULL } };
    struct module *caller = module_of(r, caller_address), *m = NULL;
    const char *object = *caller->path ? caller->path : registry_program(r);
    bool found = false;
    error_none();
    if (handle == RTLD_DEFAULT)
        found = look_default(&q, caller);
    else if (handle == RTLD_NEXT)
        found = look_next(&q, caller);
    else if (!(m = handle_module(r, handle)) || !m->open) {
        error_say("", "invalid handle %p", handle);
        registry_leave();
        return NULL;
    } else if (m == &r->main)
        found = look(&q, m) || look_list(&q, r->globals, r->globals_count);
    else
        found = look_list(&q, m->scope, m->scope_count) || look(&q, &r->main);
    if (m)
        object = *m->path ? m->path : registry_program(r);
    if (!found && version)
        error_say(object, "undefined symbol: %s, version %s", name, version);
    else if (!found)
        error_say(object, "undefined symbol: %s", name);
    if (r->debug_symbols)
        registry_debug("symbol=%s;  lookup by %s: %s", name, object,
                       found ? *q.found.module->path ? q.found.module->path : registry_program(r) : "not found");
    registry_leave();
    return found ? q.found.address : NULL;
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
