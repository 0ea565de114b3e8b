/* SPDX-License-Identifier: MIT */
/* A host that has the runtime, in itself or in a library: opens a loader, as hosts with
 * plugins do, and prints its answer and whether a file of that name is mapped.
 *   host LOADER FILE */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 0         /* musl has none */
#endif

int rt_who(void);
extern __thread int rt_thread;

static int mapped(const char *file)
{
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        found |= strstr(line, file) != NULL;
    if (maps)
        fclose(maps);
    return found;
}

int main(int count, char **arguments)
{
    if (count != 3 || rt_who() != rt_thread)
        return 2;
    void *loader = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    int (*answer)(void) = loader ? (int (*)(void))dlsym(loader, "loader_answer") : NULL;
    if (!answer) {
        printf("%s\n", dlerror());
        return 1;
    }
    printf("%d, %s\n", answer(), mapped(arguments[2]) ? "mapped" : "not mapped");
    return 0;
}
