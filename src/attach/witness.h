/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_WITNESS_H
#define GRAFT_ATTACH_WITNESS_H

/* Bytes that must not have changed between a look at a running target and the
 * moment when it stands still. */

#include "attach/process.h"
#include "base/arena.h"

struct witness {
    struct arena arena;
    struct arena_list items;
    size_t size;                    /* of all items together */
    struct process_bytes *wanted;   /* what to read, into one buffer */
    unsigned char *buffer;
};

void witness_init(struct witness *);
void witness_free(struct witness *);

/* Notes that @size bytes at @address of the target are @bytes, which are copied. */
int witness_add(struct witness *, uint64_t address, const void *bytes, size_t size);

/* Allocates all that witness_holds will need. 0 or -GRAFT_ENOMEM. */
int witness_prepare(struct witness *);

/* Whether every byte is still as it was; a few system calls, no allocation. */
bool witness_holds(const struct witness *, const struct process *);

#endif
