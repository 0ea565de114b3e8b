/* SPDX-License-Identifier: MIT */
/* Knows nothing of hooks: opens the library that its argument names, and asks it. */
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    void *library = dlopen(arguments[count - 1], RTLD_NOW);
    if (!library)
        return puts(dlerror());
    printf("asked: %d\n", ((int (*)(void))dlsym(library, "ask_late"))());
    return 0;
}
