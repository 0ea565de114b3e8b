/* SPDX-License-Identifier: MIT */
/* What loading through graft costs. Each load is measured in a fresh process
 * (load_host.c, load_node.js), by turns with what it is compared with. */

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { ROUNDS = 15, MIB = 1024 };

struct measured { double ms, kib; };

static const char *folder;

/* Runs a command in the folder of what load_gen.sh makes, and reads its two numbers. */
static struct measured run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct measured run(const char *format, ...)
{
    char command[3 * PATH_MAX], whole[4 * PATH_MAX];
    struct measured m;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof(whole), "cd '%s' && %s", folder, command);
    FILE *out = popen(whole, "r");
    double seconds;
    int got = out ? fscanf(out, "%lf %lf", &seconds, &m.kib) : 0;
    if (!out || pclose(out) || got != 2)
        bench_die(command, "failed");
    m.ms = seconds * 1e3;
    return m;
}

/* Two commands by turns. */
struct pair { struct measured by_graft[ROUNDS], plain[ROUNDS]; };

static double median_ms(const struct measured *list)
{
    double values[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        values[i] = list[i].ms;
    return bench_median(values, ROUNDS);
}

static double median_kib(const struct measured *list)
{
    double values[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        values[i] = list[i].kib;
    return bench_median(values, ROUNDS);
}

static struct pair by_turns(const char *by_graft, const char *plain)
{
    struct pair p;
    for (int i = 0; i < ROUNDS; i++) {
        p.plain[i] = run("%s", plain);
        p.by_graft[i] = run("%s", by_graft);
    }
    return p;
}

/* ---- a duplicate that is large ------------------------------------------------------------ */

static void add_against_dlopen(const char *title, const struct pair *p)
{
    double ms = median_ms(p->by_graft), plain = median_ms(p->plain);
    double mib = median_kib(p->by_graft) / MIB, plain_mib = median_kib(p->plain) / MIB;
    bench_add_least(bench_named(title, "provider"), ms, "ms", plain, plain / ms, "x less", 5);
    bench_add_least(bench_named(title, "mappings"), mib, "MiB", plain_mib, plain_mib - mib, "MiB less", 20);
}

static void measure_addon(const char *graft, const char *node, const char *script)
{
    char with[2 * PATH_MAX], without[2 * PATH_MAX];
    struct pair p = by_turns("./load_node_host graft ./load_addon.node", "./load_node_host dlopen ./load_addon.node");
    add_against_dlopen("addon, libnode", &p);
    snprintf(with, sizeof(with), "LOAD_CALLS=1 '%s' run --load '*.node' -- '%s' '%s' ./load_addon.node", graft, node, script);
    snprintf(without, sizeof(without), "'%s' '%s' ./load_addon.node deepbind", node, script);
    p = by_turns(with, without);
    add_against_dlopen("addon in node 20", &p);
    double plan[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        plan[i] = run("./load_node_host plan ./load_addon.node").ms;
    bench_add("addon, libnode: plan alone", bench_median(plan, ROUNDS), "ms", 0, 0, "", 0);
}

/* ---- many names ------------------------------------------------------------------------------ */

enum { FEW, SOME, MANY, COUNTS };
static const int counts[COUNTS] = { 1000, 4000, 16000 };

/* Per name, with all that a load costs anyway, which makes few names dearer. */
static void add_growth(const char *title, const double *ms)
{
    double before = ms[SOME] / counts[SOME] * 1e3, last = ms[MANY] / counts[MANY] * 1e3;
    bench_add(bench_named(title, "a name of 16,000, of 4,000"), last, "us", before, last / before, "x", 1.5);
}

static void measure_names(const char *host, const char *title, int judged)
{
    double took[COUNTS];
    for (int c = 0; c < COUNTS; c++) {
        int n = counts[c];
        char *with, *without, *name;
        if (asprintf(&with, "./load_%s_%d graft ./load_linked_%d.so %d", host, n, n, n) < 0
            || asprintf(&without, "./load_host_%d dlopen ./load_unlinked_%d.so %d", n, n, n) < 0
            || asprintf(&name, "%s, %d names", title, n) < 0)
            bench_die(title, strerror(errno));
        struct pair p = by_turns(with, without);
        double ms = median_ms(p.by_graft), plain = median_ms(p.plain);
        took[c] = ms;
        bench_add(name, ms, "ms", plain, ms - plain, "ms more", judged && n == 1000 ? 2 : 0);
        free(with);
        free(without);
    }
    add_growth(title, took);
}

static void measure_plan(void)
{
    double plan[ROUNDS];
    for (int i = 0; i < ROUNDS; i++)
        plan[i] = run("./load_host_1000 plan ./load_linked_1000.so").ms;
    bench_add("load, 1000 names: plan alone", bench_median(plan, ROUNDS), "ms", 0, 0, "", 0);
}

/* ---- loads that are none of its business ------------------------------------------------------- */

static void measure_others(const char *graft)
{
    char with[2 * PATH_MAX];
    snprintf(with, sizeof(with), "'%s' run --load 'nothing*' -- ./load_host_1000 reopen ./load_unlinked_1000.so", graft);
    struct pair p = by_turns(with, "./load_host_1000 reopen ./load_unlinked_1000.so");
    double us = median_ms(p.by_graft) * 1e3, plain = median_ms(p.plain) * 1e3;
    bench_add("dlopen that no --load matches", us, "us", plain, us / plain, "x", 1.5);
    p = by_turns("./load_host_1000 beside ./load_unlinked_1000.so ./load_linked_1000.so",
                 "./load_host_1000 reopen ./load_unlinked_1000.so");
    us = median_ms(p.by_graft) * 1e3, plain = median_ms(p.plain) * 1e3;
    bench_add("dlopen beside a stand-in", us, "us", plain, us / plain, "x", 0);
}

void bench_loads(const char *dir, const char *graft, const char *node, const char *script)
{
    folder = dir;
    measure_addon(graft, node, script);
    measure_names("host", "load", 1);
    measure_plan();
    measure_names("hidden", "load, hidden host", 0);
    measure_others(graft);
}
