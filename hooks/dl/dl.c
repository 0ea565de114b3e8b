/* SPDX-License-Identifier: MIT */
/* Tells who opens which library, where the loader found it, what came along and how
 * long it took. Invariant: the program gets the loader's own answers, its error texts
 * too. Nothing here runs inside a callback of the loader but what loaded.c says. */

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>

#include "common/hook.h"
#include "common/life.h"
#include "common/options.h"
#include "error.h"
#include "event.h"
#include "handles.h"

static void *(*next_dlopen)(const char *, int), *(*next_dlmopen)(Lmid_t, const char *, int);
static void *(*next_dlsym)(void *, const char *), *(*next_dlvsym)(void *, const char *, const char *);
static int (*next_dlclose)(void *);

static void *my_dlopen(const char *name, int flags)
{
    struct event event = { .function = "dlopen", .caller = CALLER, .asked = name, .flags = flags };
    event_begin(&event);
    void *handle = next_dlopen(name, flags);
    event_opened(&event, handle);
    return handle;
}

static void *my_dlmopen(Lmid_t space, const char *name, int flags)
{
    struct event event = { .function = "dlmopen", .caller = CALLER, .asked = name, .flags = flags,
                           .space = space, .has_space = true };
    event_begin(&event);
    void *handle = next_dlmopen(space, name, flags);
    event_opened(&event, handle);
    return handle;
}

static int my_dlclose(void *handle)
{
    struct event event = { .function = "dlclose", .caller = CALLER };
    char name[PATH_MAX];
    handles_name(name, sizeof name, handle);
    event_begin(&event);
    int result = next_dlclose(handle);
    event_closed(&event, name, result);
    return result;
}

static void *my_dlsym(void *handle, const char *symbol)
{
    error_forget();
    void *found = next_dlsym(handle, symbol);
    if (event_settings.symbols)
        event_looked_up(CALLER, handle, symbol, NULL, found);
    return found;
}

static void *my_dlvsym(void *handle, const char *symbol, const char *version)
{
    error_forget();
    void *found = next_dlvsym(handle, symbol, version);
    if (event_settings.symbols)
        event_looked_up(CALLER, handle, symbol, version, found);
    return found;
}

static int my_dlinfo(void *handle, int request, void *result)
{
    error_forget();
    return next_dlinfo(handle, request, result);
}

static const struct option options[] = {
    { "symbols", OPTION_FLAG, &event_settings.symbols, 0, NULL },
    { "objects", OPTION_FLAG, &event_settings.objects, 0, NULL },
    { "failed", OPTION_FLAG, &event_settings.failed, 0, NULL },
};

static int start(const char *arguments, char **environment, struct graft_error *error)
{
    (void)environment;
    int code = options_parse(arguments, options, COUNT_OF(options), error);
    if (!code && !error_start()) {
        code = -GRAFT_ENOMEM;
        snprintf(error->text, sizeof error->text, "there is no thread-specific key left");
    }
    return code ? code : life_start("dl", NULL, NULL, error);
}

static const struct graft_hook hooks[] = {
    HOOK("dlopen", my_dlopen, next_dlopen),
    HOOK("dlmopen", my_dlmopen, next_dlmopen),
    HOOK("dlclose", my_dlclose, next_dlclose),
    HOOK("dlsym", my_dlsym, next_dlsym),
    HOOK("dlvsym", my_dlvsym, next_dlvsym),
    HOOK("dlinfo", my_dlinfo, next_dlinfo),
    HOOK("dlerror", my_dlerror, next_dlerror),
};

const struct graft_hook_library graft_hook_library = {
    .size = sizeof graft_hook_library,
    .name = "dl",
    .help = "tell who opens which library, where it was found, what came along",
    .arguments = "symbols, objects, failed, file=PATH, json",
    .hooks = hooks,
    .count = COUNT_OF(hooks),
    .start = start,
    .stop = life_stop,
};
