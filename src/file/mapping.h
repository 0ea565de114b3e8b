/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_MAPPING_H
#define GRAFT_FILE_MAPPING_H

/* The bytes of a file, read-only. */

#include <stddef.h>

#include <graft/graft.h>

struct mapping {
    const void *bytes;
    size_t size;
};

/* Maps the regular file @path, private and read-only; errno stays. -GRAFT_ESYS says
 * why in @error, -GRAFT_EFORMAT that it is empty or no regular file. The caller
 * closes it. */
int mapping_open(struct mapping *, const char *path, struct graft_error *);

/* Takes the bytes away and zeroes the mapping; a zeroed one is closed. */
void mapping_close(struct mapping *);

/* A system call's failure as words that no locale translates; NULL: none known. */
const char *mapping_cause(int number);

#endif
