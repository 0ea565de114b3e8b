/* SPDX-License-Identifier: MIT */
/* How a host opens the consumer and shows what it reaches. Knows only the
 * consumer's exported names, as any program with plugins does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "consumer.h"

typedef const char *describe_fn(const void *none, const void *int_type, const void *add);

int dl_failed(void)
{
    fprintf(stderr, "%s\n", dlerror());
    return -1;
}

/* How many times the code of the file at @path is mapped. */
static int times_mapped(const char *path)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096], protection[8];
    int times = 0;

    while (maps && fgets(line, sizeof line, maps)) {
        const char *file = strchr(line, '/');

        if (!file || sscanf(line, "%*s %7s", protection) != 1)
            continue;
        line[strcspn(line, "\n")] = '\0';
        times += strcmp(file, path) == 0 && strchr(protection, 'x');
    }
    if (maps)
        fclose(maps);
    return times;
}

int consumer_show(const char *path, int flags, const struct interpreter *interpreter)
{
    const char *duplicate = getenv("DEMO_DUPLICATE");
    void *handle = dlopen(path, flags);
    describe_fn *describe = handle ? (describe_fn *) dlsym(handle, "loader_describe") : NULL;

    if (!describe)
        return dl_failed();
    if (duplicate)
        printf("%-26s%d\n", "times that it is mapped", times_mapped(duplicate));
    fputs(describe(interpreter->none, interpreter->int_type, interpreter->add), stdout);
    return dlclose(handle) ? dl_failed() : 0;
}
