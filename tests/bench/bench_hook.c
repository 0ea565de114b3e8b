/* SPDX-License-Identifier: MIT */
/* What hooks cost: planning and applying over the whole set, a call through them, the
 * opening of a library while the loader is watched; the same through plthook's and
 * GOTCHA's public functions where shared objects of theirs are given. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <graft/compat/gotcha/gotcha.h>
#include <graft/compat/plthook.h>
#include <graft/graft.h>

#include "bench.h"
#include "memory.h"

enum { NAMES_MAX = 1000, ROUNDS = 31 };

static char names[NAMES_MAX][40], owners[NAMES_MAX][24];
static void *originals[NAMES_MAX];

static int replacement(void) { return 1; }

/* Names all over the set, @count of them: number i is of library i % libraries. */
static void choose_names(size_t libraries, size_t count)
{
    static const char *const subsystems[] = {
        "buffer", "stream", "parser", "config", "module", "object", "thread", "handle",
        "string", "vector", "memory", "signal", "socket", "filter", "record", "symbol"
    };
    static const char *const verbs[] = { "init", "free", "read", "write", "find", "append", "remove", "update" };
    for (size_t i = 0; i < count; i++) {
        size_t symbol = i * 7919 % 2000;
        snprintf(names[i], sizeof(names[i]), "lib%03zu_%s_%s_%04zu", i % libraries, subsystems[symbol % 16],
                 verbs[symbol / 16 % 8], symbol);
        snprintf(owners[i], sizeof(owners[i]), "libbench_%03zu.so", i % libraries);
    }
}

/* ---- planning and applying -------------------------------------------------- */

static struct graft_plan *plan_hooks(size_t count)
{
    static struct graft_hook hooks[NAMES_MAX];
    struct graft_error error;
    struct graft_plan *plan;
    for (size_t i = 0; i < count; i++)
        hooks[i] = (struct graft_hook){ .size = sizeof(*hooks), .symbol = names[i], .of = owners[i], .replacement = (void *)replacement,
                                        .original = &originals[i] };
    if (graft_plan_hook(&plan, hooks, count, &error))
        bench_die("hooks", error.text);
    return plan;
}

static void measure_plan(size_t count, double ratio)
{
    double baseline[ROUNDS], planned[ROUNDS], both[ROUNDS], undone[ROUNDS];
    struct graft_error error;
    char title[40];
    size_t slots = 0, relocations;
    snprintf(title, sizeof(title), "hook %zu name%s", count, count == 1 ? "" : "s");
    for (int i = 0; i < ROUNDS; i++) {
        double start = bench_now();
        baseline_pass(&relocations);
        baseline[i] = bench_now() - start;
        start = bench_now();
        struct graft_plan *plan = plan_hooks(count);
        planned[i] = bench_now() - start;
        if (graft_plan_apply(plan, &error))
            bench_die("hooks", error.text);
        both[i] = bench_now() - start;
        slots = graft_plan_count(plan);
        start = bench_now();
        if (graft_plan_undo(plan, &error))
            bench_die("hooks", error.text);
        undone[i] = bench_now() - start;
        graft_plan_free(plan);
    }
    double base = bench_median(baseline, ROUNDS) * 1e3;
    double plan = bench_median(planned, ROUNDS) * 1e3, all = bench_median(both, ROUNDS) * 1e3;
    double undo = bench_median(undone, ROUNDS) * 1e3;
    bench_add(bench_named(title, "slots"), (double)slots, "", 0, 0, "", 0);
    bench_add(bench_named(title, "plan"), plan, "ms", base, plan / base, "x", 0);
    bench_add(bench_named(title, "plan and apply"), all, "ms", base, all / base, "x", ratio);
    bench_add(bench_named(title, "undo"), undo, "ms", base, undo / base, "x", 0);
}

/* What planning itself takes, its scratch and the hooks' own records included: the list of
 * objects is there already. The first one is the peak of what was mapped, in steps of 64 KiB. */
static void plan_memory(const void *arg, double *size)
{
    struct graft_objects *objects;
    if (!graft_objects_snapshot(&objects, NULL))
        graft_objects_free(objects);
    memory_start();
    (void)plan_hooks(*(const size_t *)arg);
    size[0] = (double)memory_mapped() / 1024;
    size[1] = (double)memory_touched() / 1024;
}

static void measure_memory(size_t count)
{
    char title[40];
    double size[2];
    snprintf(title, sizeof(title), "hook %zu name%s", count, count == 1 ? "" : "s");
    bench_in_child(title, plan_memory, &count, size, 2);
    bench_add(bench_named(title, "memory touched"), size[1], "KiB", 0, size[1], "KiB", 1024);
    bench_add(bench_named(title, "memory mapped, peak"), size[0], "KiB", 0, 0, "", 0);
}

/* ---- calls --------------------------------------------------------------------- */

typedef int leaf(void);

static void measure_chain(const char *dir, int depth)
{
    enum { CALLS = 2000000 };
    char by_hand[40], title[60];
    snprintf(by_hand, sizeof(by_hand), "libcall_chain%d.so", depth);
    void *hand = bench_open_in(dir, by_hand), *hooked = bench_open_in(dir, "libcall_direct.so");
    void *wrappers = bench_open_in(dir, "libwrap.so");
    leaf *const *wrapper = (leaf *const *)dlsym(wrappers, "wrap_function");
    leaf **next = (leaf **)dlsym(wrappers, "wrap_next");
    bench_call_loop *reference = (bench_call_loop *)dlsym(hand, "call_loop");
    bench_call_loop *through = (bench_call_loop *)dlsym(hooked, "call_loop");
    double a[ROUNDS], b[ROUNDS];
    for (int i = 0; i < depth; i++) {
        struct graft_hook hook = { .size = sizeof(hook), .symbol = "bench_leaf", .of = "libleaf_host.so",
                                   .replacement = (void *)wrapper[i], .original = (void **)&next[i] };
        struct graft_error error;
        struct graft_plan *plan;
        if (graft_plan_hook(&plan, &hook, 1, &error) || graft_plan_apply(plan, &error))
            bench_die("chain", error.text);
        graft_plan_free(plan);
    }
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = bench_time_calls(reference, CALLS, CALLS);
        b[i] = bench_time_calls(through, CALLS, CALLS);
    }
    for (int i = 0; i < depth; i++)
        graft_unhook("bench_leaf", (void *)wrapper[i]);
    double plain = bench_median(a, ROUNDS), chained = bench_median(b, ROUNDS);
    snprintf(title, sizeof(title), "call through %d hook%s, %d by hand", depth, depth == 1 ? "" : "s", depth);
    bench_add(strdup(title), chained, "ns", plain, chained / plain, "x", 1.1);
}

/* ---- opening under watch --------------------------------------------------------- */

struct opening { char path[PATH_MAX]; int watched; };

/* Opens and closes one library again and again, with hooks or without: the quickest, as
 * what slows one opening down is the machine's other work. */
static void time_opens(const void *arg, double *best)
{
    enum { OPENS = 8 };
    const struct opening *opening = arg;
    void *warm = dlopen(opening->path, RTLD_NOW | RTLD_LOCAL);  /* what fork left to be copied is not ours */
    if (!warm || dlclose(warm))
        bench_die(opening->path, dlerror());
    if (opening->watched && graft_hook("small_buffer_init_0000", (void *)replacement, &originals[0]))
        bench_die(opening->path, "the hook is refused");
    *best = 1;
    for (int i = -1; i < OPENS; i++) {
        double start = bench_now();
        void *handle = dlopen(opening->path, RTLD_NOW | RTLD_LOCAL);
        double took = bench_now() - start;
        *best = i >= 0 && took < *best ? took : *best;
        if (!handle || dlclose(handle))
            bench_die(opening->path, dlerror());
    }
}

/* Of all libraries but the last, which is opened. */
void bench_opening(const char *dir, size_t last)
{
    double plain[ROUNDS], watched[ROUNDS];
    struct opening opening = { .watched = 0 };
    snprintf(opening.path, sizeof(opening.path), "%s/libbench_%03zu.so", dir, last);
    for (int i = 0; i < ROUNDS; i++) {
        opening.watched = 0;
        bench_in_child("opening", time_opens, &opening, &plain[i], 1);
        opening.watched = 1;
        bench_in_child("opening", time_opens, &opening, &watched[i], 1);
    }
    double a = bench_median(plain, ROUNDS) * 1e6, b = bench_median(watched, ROUNDS) * 1e6;
    bench_add("dlopen of 2,000 imports, watched", b, "us", a, b / a, "x", 1.05);
}

/* ---- peers -------------------------------------------------------------------------- */

static double by_plthook(void *peer, const char *dir, size_t libraries, size_t count)
{
    int (*open_handle)(plthook_t **, void *) = (int (*)(plthook_t **, void *))dlsym(peer, "plthook_open_by_handle");
    int (*replace)(plthook_t *, const char *, void *, void **) =
        (int (*)(plthook_t *, const char *, void *, void **))dlsym(peer, "plthook_replace");
    void (*close_hook)(plthook_t *) = (void (*)(plthook_t *))dlsym(peer, "plthook_close");
    double start = bench_now();
    for (size_t l = 0; open_handle && replace && close_hook && l < libraries; l++) {
        void *handle = bench_library(dir, l), *old;
        plthook_t *hook;
        if (open_handle(&hook, handle))
            bench_die("plthook", "cannot open a library");
        for (size_t i = 0; i < count; i++)
            (void)replace(hook, names[i], (void *)replacement, &old);
        close_hook(hook);
        dlclose(handle);
    }
    return bench_now() - start;
}

static double by_gotcha(void *peer, size_t count)
{
    static gotcha_wrappee_handle_t handles[NAMES_MAX];
    static struct gotcha_binding_t bindings[NAMES_MAX];
    enum gotcha_error_t (*wrap)(struct gotcha_binding_t *, int, const char *) =
        (enum gotcha_error_t (*)(struct gotcha_binding_t *, int, const char *))dlsym(peer, "gotcha_wrap");
    for (size_t i = 0; i < count; i++)
        bindings[i] = (struct gotcha_binding_t){ names[i], (void *)replacement, &handles[i] };
    double start = bench_now();
    if (wrap)
        (void)wrap(bindings, (int)count, "bench");
    return bench_now() - start;
}

struct peer { const char *path, *dir; size_t libraries, count; int gotcha; };

static void time_peer(const void *arg, double *times)
{
    const struct peer *peer = arg;
    size_t relocations;
    double start = bench_now();
    baseline_pass(&relocations);
    times[0] = bench_now() - start;
    void *library = dlopen(peer->path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        bench_die(peer->path, dlerror());
    times[1] = peer->gotcha ? by_gotcha(library, peer->count)
                            : by_plthook(library, peer->dir, peer->libraries, peer->count);
}

/* Once, in a child, because what a peer has hooked stays so; the baseline as well. */
static void measure_peer(const char *dir, size_t libraries, const char *variable, int gotcha, size_t count)
{
    const struct peer peer = { getenv(variable), dir, libraries, count, gotcha };
    double times[2];
    char title[60];
    if (!peer.path || !*peer.path)
        return;
    bench_in_child(peer.path, time_peer, &peer, times, 2);
    snprintf(title, sizeof(title), "%s: %zu name%s, all", gotcha ? "GOTCHA" : "plthook", count, count == 1 ? "" : "s");
    bench_add(strdup(title), times[1] * 1e3, "ms", times[0] * 1e3, times[1] / times[0], "x", 0);
}

void bench_hooks(const char *dir, size_t libraries)
{
    static const size_t counts[] = { 1, 10, 100, 1000 };
    choose_names(libraries, NAMES_MAX);
    measure_memory(1);
    measure_memory(1000);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        measure_plan(counts[i], counts[i] == 1 ? 0.25 : counts[i] == 1000 ? 0.35 : 0);
    measure_chain(dir, 1);
    measure_chain(dir, 3);
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i += 3) {
        measure_peer(dir, libraries, "PEER_PLTHOOK", 0, counts[i]);
        measure_peer(dir, libraries, "PEER_GOTCHA", 1, counts[i]);
    }
}
