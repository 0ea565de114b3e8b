/* SPDX-License-Identifier: MIT */
/* A plugin host: opens each argument and prints what it says, or why not. */
#include <dlfcn.h>
#include <stdio.h>

int host_adds(int a, int b);

int host_adds(int a, int b)
{
    return a + b;
}

int main(int count, char **arguments)
{
    int failed = 0;
    for (int i = 1; i < count; i++) {
        void *plugin = dlopen(arguments[i], RTLD_NOW);
        int (*answer)(void) = plugin ? (int (*)(void))dlsym(plugin, "answer") : NULL;
        if (answer)
            printf("%d\n", answer());
        else
            printf("%s\n", dlerror());
        failed |= !answer;
    }
    return failed;
}
