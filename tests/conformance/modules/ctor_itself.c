/* SPDX-License-Identifier: MIT */
/* Opens itself while it is being opened. */
#include "module.h"
#include <dlfcn.h>
__attribute__((constructor)) static void begin(void)
{
    void *self = dlopen(path_of("libctor_itself.so"), RTLD_NOW);
    say("  constructor, opened: %d, found: %d\n", self != 0, self && dlsym(self, "itself"));
}
__attribute__((destructor)) static void end(void) { say("  destructor\n"); }
int itself(void) { return 1; }
