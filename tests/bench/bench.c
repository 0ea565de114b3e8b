/* SPDX-License-Identifier: MIT */
/* The benchmark: what graft costs, as ratios to what is measured in the same run.
 * Repetitions are interleaved with their reference, and medians are compared, so
 * that the machine's other work falls on both.
 *
 *   bench DIR LIBS PRELOAD GRAFT NODE SCRIPT [--json FILE] [--loads]
 *
 * exit 1 when a limit is broken; --loads: nothing but loads. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <graft/graft.h>

#include "bench.h"
#include "memory.h"

/* One line of the table. @limit 0: told, not judged. */
struct line {
    const char *name, *unit;
    double value, reference, compared, limit;   /* compared: what the limit is for */
    const char *compared_unit;
    int least;                                  /* the limit is to be reached, not to be kept */
};

static struct line lines[96];
static size_t line_count;

void bench_add(const char *name, double value, const char *unit, double reference, double compared,
                const char *compared_unit, double limit)
{
    lines[line_count++] = (struct line){ name, unit, value, reference, compared, limit, compared_unit, 0 };
}

void bench_add_least(const char *name, double value, const char *unit, double reference, double compared,
                     const char *compared_unit, double limit)
{
    lines[line_count++] = (struct line){ name, unit, value, reference, compared, limit, compared_unit, 1 };
}

/* What is no number, as of a reference of 0, keeps no limit. */
static int broken(const struct line *line)
{
    return line->limit > 0 && !(line->least ? line->compared >= line->limit : line->compared <= line->limit);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_value);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why ? why : "failed");
    exit(2);
}

void bench_in_child(const char *what, bench_measure *measure, const void *arg, double *numbers, size_t count)
{
    const ssize_t size = (ssize_t)(count * sizeof(*numbers));
    int ends[2];
    if (pipe(ends))
        bench_die("pipe", strerror(errno));
    pid_t child = fork();
    if (child < 0)
        bench_die("fork", strerror(errno));
    if (child == 0) {
        measure(arg, numbers);
        _exit(write(ends[1], numbers, (size_t)size) != size);
    }
    close(ends[1]);
    if (read(ends[0], numbers, (size_t)size) != size)
        bench_die(what, "the child ended before it was done");
    waitpid(child, NULL, 0);
    close(ends[0]);
}

/* ---- planning and applying ----------------------------------------------- */

/* What is rebound. */
struct load {
    const char *name;               /* of its lines, after which the times' names come */
    const char *consumer, *from, *onto;
    double ratio, memory;           /* limits; 0: none */
};

enum { ROUNDS = 31 };

static struct graft_plan *make_plan(const struct load *load)
{
    struct graft_rebind rebind = { .size = sizeof(rebind), .consumer = load->consumer,
                                   .from = load->from, .onto = load->onto };
    struct graft_error error;
    struct graft_plan *plan;
    if (graft_plan_rebind(&plan, &rebind, &error))
        bench_die(load->name, error.text);
    return plan;
}

struct times { double baseline[ROUNDS], plan[ROUNDS], both[ROUNDS], undo[ROUNDS]; };

static void one_round(const struct load *load, struct times *times, int i)
{
    struct graft_error error;
    size_t relocations;
    double start = bench_now();
    baseline_pass(&relocations);
    times->baseline[i] = bench_now() - start;

    start = bench_now();
    struct graft_plan *plan = make_plan(load);
    times->plan[i] = bench_now() - start;
    if (graft_plan_apply(plan, &error))
        bench_die(load->name, error.text);
    times->both[i] = bench_now() - start;

    start = bench_now();
    if (graft_plan_undo(plan, &error))
        bench_die(load->name, error.text);
    times->undo[i] = bench_now() - start;
    graft_plan_free(plan);
}

const char *bench_named(const char *load, const char *what)
{
    char *name = NULL;
    return asprintf(&name, "%s: %s", load, what) < 0 ? what : name;
}

/* In a child, so that the world which the library keeps is counted as well. */
static void plan_memory(const void *arg, double *size)
{
    memory_start();
    (void)make_plan(arg);
    size[0] = (double)memory_mapped() / 1024;
    size[1] = (double)memory_touched() / 1024;
}

static void measure_memory(const struct load *load)
{
    double size[2];
    bench_in_child(load->name, plan_memory, load, size, 2);
    bench_add(bench_named(load->name, "memory mapped"), size[0], "KiB", 0, 0, "", 0);
    bench_add(bench_named(load->name, "memory touched"), size[1], "KiB", 0, size[1], "KiB", load->memory);
}

static void measure_load(const struct load *load)
{
    struct times times;
    struct graft_plan *plan = make_plan(load);
    size_t slots = graft_plan_count(plan);
    graft_plan_free(plan);
    for (int i = 0; i < ROUNDS; i++)
        one_round(load, &times, i);
    double baseline = bench_median(times.baseline, ROUNDS) * 1e3, planned = bench_median(times.plan, ROUNDS) * 1e3;
    double both = bench_median(times.both, ROUNDS) * 1e3, undo = bench_median(times.undo, ROUNDS) * 1e3;
    bench_add(bench_named(load->name, "slots"), (double)slots, "", 0, 0, "", 0);
    bench_add(bench_named(load->name, "plan"), planned, "ms", baseline, planned / baseline, "x", load->ratio);
    bench_add(bench_named(load->name, "plan and apply"), both, "ms", baseline, both / baseline, "x", load->ratio);
    bench_add(bench_named(load->name, "undo"), undo, "ms", baseline, undo / baseline, "x", 0);
}

/* ---- a call through a rebound slot --------------------------------------- */

void *bench_open_in(const char *dir, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        bench_die(name, dlerror());
    return handle;
}

double bench_time_calls(bench_call_loop *loop, long times, long expected)
{
    double start = bench_now();
    if (loop(times) != expected)
        bench_die("call", "reached the wrong function");
    return (bench_now() - start) * 1e9 / (double)times;
}

static void measure_call(const char *dir)
{
    enum { CALLS = 2000000 };
    void *direct = bench_open_in(dir, "libcall_direct.so"), *rebound = bench_open_in(dir, "libcall_rebound.so");
    bench_call_loop *unhooked = (bench_call_loop *)dlsym(direct, "call_loop");
    bench_call_loop *hooked = (bench_call_loop *)dlsym(rebound, "call_loop");
    struct load load = { "call", "libcall_rebound.so", "libleaf_duplicate.so", "libleaf_host.so", 0, 0 };
    struct graft_plan *plan = make_plan(&load);
    struct graft_error error;
    double a[ROUNDS], b[ROUNDS];
    bench_time_calls(hooked, 1, 2);
    if (graft_plan_apply(plan, &error))
        bench_die("call", error.text);
    for (int i = 0; i < ROUNDS; i++) {
        a[i] = bench_time_calls(unhooked, CALLS, CALLS);
        b[i] = bench_time_calls(hooked, CALLS, CALLS);
    }
    graft_plan_free(plan);
    double plain = bench_median(a, ROUNDS), through = bench_median(b, ROUNDS);
    bench_add("call through a rebound slot", through, "ns", plain, through / plain, "x", 1.05);
}

/* ---- an exec with an empty preload ---------------------------------------- */

static double time_exec(char **environment)
{
    char *arguments[] = { "true", NULL };
    pid_t pid;
    int status;
    double start = bench_now();
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment))
        bench_die("exec", strerror(errno));
    if (waitpid(pid, &status, 0) < 0 || status)
        bench_die("exec", "/bin/true failed");
    return (bench_now() - start) * 1e6;
}

static void measure_exec(const char *preload)
{
    enum { TIMES = 200 };
    char variable[PATH_MAX + 16];
    char *plain[] = { "PATH=/bin", NULL }, *preloaded[] = { "PATH=/bin", variable, NULL };
    double a[TIMES], b[TIMES];
    snprintf(variable, sizeof(variable), "LD_PRELOAD=%s", preload);
    for (int i = 0; i < TIMES; i++) {
        a[i] = time_exec(plain);
        b[i] = time_exec(preloaded);
    }
    double without = bench_median(a, TIMES), with = bench_median(b, TIMES);
    bench_add("exec with an empty preload", with, "us", without, with - without, "us more", 60);
}

/* ---- the report ------------------------------------------------------------ */

static const char *verdict(const struct line *line)
{
    return line->limit <= 0 ? "" : broken(line) ? "FAIL" : "PASS";
}

static void print_table(void)
{
    printf("%-42s %12s %14s %18s %10s\n", "", "measured", "reference", "compared", "limit");
    for (size_t i = 0; i < line_count; i++) {
        const struct line *l = &lines[i];
        printf("%-42s %8.*f %-3s", l->name, *l->unit ? 2 : 0, l->value, l->unit);
        if (l->reference > 0)
            printf(" %10.2f %-3s %10.3f %-7s", l->reference, l->unit, l->compared, l->compared_unit);
        else
            printf(" %14s %18s", "", "");
        if (l->limit > 0)
            printf(" %s%5.2f  %s", l->least ? ">" : "<", l->limit, verdict(l));
        putchar('\n');
    }
}

static void write_json(const char *path)
{
    FILE *out = fopen(path, "w");
    if (!out)
        bench_die(path, strerror(errno));
    fputs("[\n", out);
    for (size_t i = 0; i < line_count; i++) {
        const struct line *l = &lines[i];
        fprintf(out, "  {\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\",\"reference\":%.6g,"
                "\"compared\":%.6g,\"compared_unit\":\"%s\",\"limit\":%.6g,\"least\":%s,\"verdict\":\"%s\"}%s\n",
                l->name, l->value, l->unit, l->reference, l->compared, l->compared_unit, l->limit,
                l->least ? "true" : "false", l->limit > 0 ? verdict(l) : "told", i + 1 < line_count ? "," : "");
    }
    fputs("]\n", out);
    if (fclose(out))
        bench_die(path, strerror(errno));
}

static void open_set(const char *dir, size_t libraries)
{
    if (bench_open_all(dir, libraries) < libraries || !bench_open_host(dir))
        bench_die(dir, dlerror());
    bench_open_in(dir, "libbench_smallhost.so");
}

/* All but loads: the set has to be opened for it. */
static void measure_set(const char *dir, size_t libraries)
{
    /* 0.1 of the baseline is promised for the walk by owner over the whole set, and
     * for one consumer's 2,000 slots; 1 MiB for both. The others move slots in every
     * library and are told for comparison: their names are looked up as well. */
    static const struct load loads[] = {
        { "all, none bound", "libbench_[0-9]*", "libbench_smallhost.so", "libbench_small.so", 0.1, 1024 },
        { "one, 2000 slots", "libbench_001.so", "libbench_000.so", "libbench_host.so", 0.1, 1024 },
        { "all, 8 slots each", "libbench_[0-9]*", "libbench_small.so", "libbench_smallhost.so", 0, 1024 },
        { "all, 500 slots each", "libbench_[0-9]*", "libbench_000.so", "libbench_host.so", 0, 0 },
    };
    measure_call(dir);
    if (bench_open_all(dir, libraries - 1) < libraries - 1)
        bench_die(dir, dlerror());
    bench_opening(dir, libraries - 1);
    open_set(dir, libraries);
    bench_hooks(dir, libraries);
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
        measure_memory(&loads[i]);
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
        measure_load(&loads[i]);
}

int main(int argc, char **argv)
{
    const char *json = NULL;
    int only_loads = 0;
    if (argc < 7)
        return fputs("usage: bench DIR LIBS PRELOAD GRAFT NODE SCRIPT [--json FILE] [--loads]\n", stderr), 2;
    for (int i = 7; i < argc; i++)
        if (!strcmp(argv[i], "--loads"))
            only_loads = 1;
        else if (!strcmp(argv[i], "--json") && i + 1 < argc)
            json = argv[++i];
        else
            bench_die(argv[i], "unknown argument");
    if (!only_loads)
        measure_exec(argv[3]);
    bench_loads(argv[1], argv[4], argv[5], argv[6]);
    if (!only_loads)
        measure_set(argv[1], (size_t)atoi(argv[2]));
    print_table();
    if (json)
        write_json(json);
    for (size_t i = 0; i < line_count; i++)
        if (broken(&lines[i]))
            return 1;
    return 0;
}
