/* SPDX-License-Identifier: MIT */
/* Opens each module that is named on standard input, and asks for names of the first
 * one; prints microseconds for the openings, nanoseconds a name, and microseconds for the
 * first call of the family, in which a registry is set up. The same program is linked
 * dynamically and statically. */

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(void)
{
    static char path[512][512];
    size_t count = 0, found = 0;
    void *first = NULL;
    char name[32];
    while (count < 512 && fgets(path[count], sizeof path[count], stdin))
        path[count][strcspn(path[count], "\n")] = 0, count++;
    double start = now();
    dlsym(RTLD_DEFAULT, "nobody");
    double ready = now();
    for (size_t i = 0; i < count; i++) {
        void *handle = dlopen(path[i], RTLD_NOW);
        if (!handle)
            return puts(dlerror()), 1;
        if (!first)
            first = handle;
    }
    double opened = now();
    for (int i = 0; i < 200000; i++) {
        snprintf(name, sizeof name, "function_%d", i % 40);
        found += dlsym(first, name) != NULL;
    }
    double asked = now();
    for (int i = 0; i < 200000; i++) {
        snprintf(name, sizeof name, "function_%d", i % 40);
        found += *name == 'f';
    }
    double named = now();
    printf("%.1f %.1f %.1f\n", opened - ready, ((asked - opened) - (named - asked)) / 200, ready - start);
    return found != 400000;
}
