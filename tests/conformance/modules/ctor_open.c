/* SPDX-License-Identifier: MIT */
/* Its constructor opens another module; CLOSES: and closes it at once. */
#include "module.h"
#include <dlfcn.h>
static void *target;
__attribute__((constructor)) static void begin(void)
{
    say("  constructor opens\n");
    target = dlopen(path_of("libctor_target.so"), RTLD_NOW);
    if (!target) {
        say("  not opened: %s\n", dlerror());
        return;
    }
    int (*function)(void) = (int (*)(void))dlsym(target, "order_target");
    say("  called: %d\n", function ? function() : -1);
#ifdef CLOSES
    say("  constructor closes: %d\n", dlclose(target));
    target = 0;
#endif
}
__attribute__((destructor)) static void end(void)
{
    say("  destructor\n");
    if (target)
        say("  destructor closes: %d\n", dlclose(target));
}
