/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>

/* Counts what is mapped from here on. */
void memory_start(void);

/* The greatest sum of anonymous mappings since then, in bytes. */
size_t memory_mapped(void);

/* The growth of the process's peak resident size since then, in bytes, as the
 * kernel tells it; 0 where it cannot be reset. */
size_t memory_touched(void);

#endif
