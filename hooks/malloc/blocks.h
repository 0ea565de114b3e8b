/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_MALLOC_BLOCKS_H
#define HOOKS_MALLOC_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

struct caller;

/* A block of memory that the program holds. */
struct block {
    struct caller *caller;          /* NULL: not one that was seen */
    size_t size;                    /* as asked for */
};

/* Remembers who got the block at @address. False: there is no memory to remember it.
 * *@old is what was there: a block that was freed out of sight, or nothing. Only the
 * thread that got the block may call this, before anyone else knows of it. */
bool blocks_add(void *address, struct block block, struct block *old);

/* Forgets and returns the block; call before it is really freed. */
struct block blocks_take(void *address);

/* Calls @each for every block. Other threads may allocate and free meanwhile. */
void blocks_each(void (*each)(struct block, void *arg), void *arg);

/* Forgets all of them: for a fork's child. */
void blocks_forget(void);

#endif
