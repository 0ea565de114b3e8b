/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_MAPPING_H
#define GRAFT_FILE_MAPPING_H

/* The bytes of a file, read-only. */

#include <stddef.h>

#include <graft/graft.h>

#include "base/arena.h"

struct mapping {
    const void *bytes;
    size_t size;
};

/* Maps the regular file @path, private and read-only; errno stays. -GRAFT_ESYS says
 * why in @error, -GRAFT_EFORMAT that it is empty or no regular file. The caller
 * closes it. */
int mapping_open(struct mapping *, const char *path, struct graft_error *);

/* The text of the file @path in @arena, ended by a zero, which its bytes need not be. Errors as above. */
int mapping_read_text(const char **text, struct arena *arena, const char *path, struct graft_error *);

/* Takes the bytes away and zeroes the mapping; a zeroed one is closed. */
void mapping_close(struct mapping *);

/* A system call's failure as words that no locale translates; NULL: none known. */
const char *mapping_cause(int number);

#endif
