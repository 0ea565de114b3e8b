/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>

/* Counts what is mapped from here on. */
void memory_start(void);

/* The greatest sum of anonymous mappings since then, in bytes. */
size_t memory_mapped(void);

/* The growth of anonymous memory that is really there since then, in bytes. To be
 * asked while all is still in use. */
size_t memory_touched(void);

#endif
