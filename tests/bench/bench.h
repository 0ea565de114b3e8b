/* SPDX-License-Identifier: MIT */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* Helpers of the benchmarks over the set that gen.sh builds. */

#include <stddef.h>
#include <stdint.h>

/* Opens DIR/libbench_000.so to number @n - 1, RTLD_NOW | RTLD_GLOBAL, in that
 * order. Returns how many were opened: fewer than @n stop at the first failure,
 * with dlerror() set. */
size_t bench_open_all(const char *dir, size_t n);

/* Opens DIR/libbench_host.so, the twin of number 0, RTLD_NOW | RTLD_LOCAL: it
 * captures nothing. NULL on failure, with dlerror() set. */
void *bench_open_host(const char *dir);

/* Handle of number @index once it is open; the caller closes it. NULL: it is not. */
void *bench_library(const char *dir, size_t index);

/* Calls every import of number @index once. Low 32 bits: how many there are; high
 * 32 bits: how many reached the twin. */
uint64_t bench_sum(const char *dir, size_t index);

/* What naive hookers do: for every relocation with a name of every loaded
 * libbench_*.so, hashes the name (GNU hash). Returns the sum of the hashes, so that
 * nothing is optimised away; counts in @relocations. Allocates nothing. */
uint64_t baseline_pass(size_t *relocations);

/* One line of the table; @limit 0: told, not judged. @compared is what the limit is for. */
void bench_add(const char *name, double value, const char *unit, double reference, double compared,
               const char *compared_unit, double limit);

/* The same with a limit that @compared must reach. */
void bench_add_least(const char *name, double value, const char *unit, double reference, double compared,
                     const char *compared_unit, double limit);
const char *bench_named(const char *load, const char *what);

/* Sorts @values. */
double bench_median(double *values, size_t count);

_Noreturn void bench_die(const char *what, const char *why);

/* A library of the set's folder, RTLD_NOW | RTLD_LOCAL; and the time of one call. */
typedef long bench_call_loop(long);
void *bench_open_in(const char *dir, const char *name);
double bench_time_calls(bench_call_loop *loop, long times, long expected);

/* Runs @measure in a child and hands back the @count numbers that it fills: whatever it
 * plans or hooks there, the next one starts anew. */
typedef void bench_measure(const void *arg, double *numbers);
void bench_in_child(const char *what, bench_measure *measure, const void *arg, double *numbers, size_t count);

/* bench_hook.c: with all libraries open but number @last; with all. */
void bench_opening(const char *dir, size_t last);
void bench_hooks(const char *dir, size_t libraries);

/* bench_load.c: with what load_gen.sh made in @dir, the tool, a node and the script for it. */
void bench_loads(const char *dir, const char *graft, const char *node, const char *script);

/* Seconds of CLOCK_MONOTONIC. */
double bench_now(void);

#endif
