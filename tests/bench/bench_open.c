/* SPDX-License-Identifier: MIT */
/* Opens the benchmark set and calls into it. Knows the file names that gen.sh
 * gives and the meaning of libNNN_sum (gen.c). */

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench.h"

static void *open_numbered(const char *dir, size_t index, int flags)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/libbench_%03zu.so", dir, index);
    return dlopen(path, flags);
}

size_t bench_open_all(const char *dir, size_t n)
{
    size_t opened = 0;
    while (opened < n && open_numbered(dir, opened, RTLD_NOW | RTLD_GLOBAL))
        opened++;
    return opened;
}

void *bench_open_host(const char *dir)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/libbench_host.so", dir);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

void *bench_library(const char *dir, size_t index)
{
    return open_numbered(dir, index, RTLD_LAZY | RTLD_NOLOAD);
}

uint64_t bench_sum(const char *dir, size_t index)
{
    void *library = bench_library(dir, index);
    char name[32];
    snprintf(name, sizeof(name), "lib%03zu_sum", index);
    void *address = library ? dlsym(library, name) : NULL;
    uint64_t (*sum)(void);
    memcpy(&sum, &address, sizeof(sum));
    uint64_t result = sum ? sum() : 0;
    if (library)
        dlclose(library);
    return result;
}

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
