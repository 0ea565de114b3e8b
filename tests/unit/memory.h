/* SPDX-License-Identifier: MIT */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <stddef.h>

/* The lines of /proc/self/maps that name a file, in one of two static buffers: what was
 * taken before the last call is still there to be compared with. */
const char *memory_maps(void);

/* Bytes of this process that are in memory. */
size_t memory_resident(void);

#endif
