/* SPDX-License-Identifier: MIT */
/* RTLD_DEFAULT and RTLD_NEXT follow who asks: libnext needs liblate, both have next_name. */
#define _GNU_SOURCE 1
#include "module.h"
#include <dlfcn.h>
int next_name(void);
#ifndef LATE
static void result(const char *what, void *address)
{
    int (*function)(void) = (int (*)(void))address;
    say("  %s: %d\n", what, function ? function() : -1);
    const char *text = dlerror();
    if (!function)
        say("  dlerror: %s\n", text ? text : "(none)");
}
int next_name(void) { return 100; }
int next_default(void)
{
    result("own in RTLD_DEFAULT", dlsym(RTLD_DEFAULT, "next_name"));
    result("of a dependency", dlsym(RTLD_DEFAULT, "late_only"));
    result("main's", dlsym(RTLD_DEFAULT, "main_value"));
    result("main's before its own", dlsym(RTLD_DEFAULT, "shared_name"));
    result("nobody's", dlsym(RTLD_DEFAULT, "no_such"));
    return 0;
}
int next_next(void)
{
    result("the next one", dlsym(RTLD_NEXT, "next_name"));
    result("of a dependency", dlsym(RTLD_NEXT, "late_only"));
    result("main's", dlsym(RTLD_NEXT, "main_value"));
    result("nobody's", dlsym(RTLD_NEXT, "no_such"));
    return 0;
}
#else
int next_name(void) { return 200; }
int late_only(void) { return 201; }
#endif
