/* SPDX-License-Identifier: MIT */
/* Modules written by hand, and the program's own answer for unknown names. Invariant: a
 * module that was registered is never taken out, and nothing of it is copied. */

#include <string.h>

#include "registry/state.h"

EXPORT int graft_registry_add(const struct graft_registry_module *module)
{
    struct registry *r = registry_enter();
    int result = -1;
    bool missing;
    error_none();
    if (!module || module->size != sizeof *module || !module->path)
        error_say("", "a module to register has no path, or a size that is not known");
    else {
        struct module *other = module_find(r, module->path, &missing);
        if (other && !strcmp(other->path, module->path))
            error_say(module->path, "another module has this path");
        else if (!registry_register(r, NULL, module))
            error_say(module->path, "cannot allocate memory");
        else {
            error_none();
            result = 0;
        }
    }
    registry_leave();
    return result;
}

EXPORT void graft_registry_set_fallback(graft_registry_fallback *fn, void *arg)
{
    struct registry *r = registry_enter();
    r->fallback = fn;
    r->fallback_arg = arg;
    registry_leave();
}

EXPORT int graft_registry_each(int (*each)(const char *path, const char *soname, unsigned opened, void *arg), void *arg)
{
    struct registry *r = registry_enter();
    int result = 0;
    for (size_t i = 0; !result && i < r->count; i++)
        result = each(r->modules[i]->path, r->modules[i]->soname, r->modules[i]->direct, arg);
    registry_leave();
    return result;
}
