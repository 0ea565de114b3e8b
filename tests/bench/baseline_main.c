/* SPDX-License-Identifier: MIT */
/* Checks the benchmark set and measures the baseline alone.
 *
 *   baseline_main DIR N      exit 1 if the set is not what gen.c says */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

static size_t count_imports(const char *dir, size_t n)
{
    size_t imports = 0;
    for (size_t i = 0; i < n; i++)
        imports += (uint32_t)bench_sum(dir, i);
    return imports;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return fputs("usage: baseline_main DIR N\n", stderr), 2;
    size_t n = (size_t)atoi(argv[2]), relocations = 0;

    double start = bench_now();
    size_t opened = bench_open_all(argv[1], n);
    printf("open: %zu libraries in %.0f ms\n", opened, (bench_now() - start) * 1e3);
    if (opened < n || !bench_open_host(argv[1]))
        return fprintf(stderr, "%s\n", dlerror()), 1;

    start = bench_now();
    baseline_pass(&relocations);
    double cold = bench_now() - start, best = cold;
    for (int i = 0; i < 10; i++) {
        start = bench_now();
        baseline_pass(&relocations);
        double took = bench_now() - start;
        best = took < best ? took : best;
    }
    if (!relocations)
        return fputs("no relocations\n", stderr), 1;
    printf("baseline: %zu relocations, cold %.1f ms, best %.1f ms, %.1f ns each\n", relocations,
           cold * 1e3, best * 1e3, best * 1e9 / (double)relocations);

    size_t imports = count_imports(argv[1], n);
    printf("imports called: %zu\n", imports);
    return imports != relocations;
}
