/* SPDX-License-Identifier: MIT */
/* The process in which one load is measured, so that each starts anew. It is linked with
 * what load_gen.sh makes, which exports the runtime's names: it is the host. Invariant:
 * what it prints was done right, or it ends with 1.
 *
 *   load_host graft|plan|dlopen|beside|reopen CONSUMER [SUM]
 *
 * prints seconds and the KiB of mappings that came; SUM is what the consumer's load_sum
 * answers if all that it calls is the host's. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <graft/load.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "load_host: %s: %s\n", what, why ? why : "failed");
    exit(1);
}

static double mapped(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long low, high, sum = 0;
    char line[4500];
    while (maps && fgets(line, sizeof(line), maps))
        if (sscanf(line, "%lx-%lx", &low, &high) == 2)
            sum += high - low;
    if (!maps || fclose(maps))
        die("/proc/self/maps", NULL);
    return (double)sum / 1024;
}

static void *by_graft(const char *path)
{
    struct graft_error error;
    void *handle;
    if (graft_load(path, RTLD_NOW | RTLD_LOCAL, NULL, &handle, &error))
        die(path, error.text);
    return handle;
}

static void *by_dlopen(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        die(path, dlerror());
    return handle;
}

static void *by_plan(const char *path)
{
    struct graft_load_plan *plan;
    struct graft_error error;
    if (graft_plan_load(&plan, path, RTLD_NOW | RTLD_LOCAL, NULL, &error))
        die(path, error.text);
    if (graft_load_plan_way(plan) != GRAFT_WAY_PROVIDER)
        die(path, graft_load_plan_reason(plan));
    graft_load_plan_free(plan);
    return NULL;
}

static void check_sum(void *handle, const char *wanted)
{
    long (*sum)(void) = (long (*)(void))dlsym(handle, "load_sum");
    if (!sum || sum() != atol(wanted))
        die("load_sum", "the consumer reaches another runtime");
}

/* The quickest of several, as what slows one opening down is the machine's other work. */
static double reopen(const char *path)
{
    double best = 1;
    for (int i = 0; i < 16; i++) {
        double start = now();
        void *handle = by_dlopen(path);
        double took = now() - start;
        best = i && took < best ? took : best;
        if (dlclose(handle))
            die(path, dlerror());
    }
    return best;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        die("usage", "load_host graft|plan|dlopen|beside|reopen CONSUMER [SUM]");
    const char *path = argv[2];
    double before = mapped(), start = now();
    if (!strcmp(argv[1], "beside") || !strcmp(argv[1], "reopen")) {
        if (argv[1][0] == 'b')
            by_graft(argv[3]);          /* so that there is a stand-in */
        printf("%.9f 0\n", reopen(path));
        return 0;
    }
    void *handle = argv[1][0] == 'g' ? by_graft(path) : argv[1][0] == 'p' ? by_plan(path) : by_dlopen(path);
    double took = now() - start;
    printf("%.9f %.0f\n", took, mapped() - before);
    if (handle && argc > 3)
        check_sum(handle, argv[3]);
    return 0;
}
