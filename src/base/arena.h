/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BASE_ARENA_H
#define GRAFT_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;

/* Memory that is freed all at once. Zeroed (all bytes 0) is a valid empty
 * arena. Used by one thread at a time. */
struct arena {
    struct arena_chunk *newest;
    size_t mapped;                  /* bytes taken from the kernel */
};

/* @size zeroed bytes aligned for any type, or NULL. Never calls malloc. */
void *arena_alloc(struct arena *, size_t size);

/* @count elements of @size each, or NULL also where the product overflows. */
void *arena_array(struct arena *, size_t count, size_t size);

/* A copy of @text in the arena, or NULL. */
const char *arena_string(struct arena *, const char *text);

void arena_free(struct arena *);

/* A list that grows in an arena in blocks, so that no element ever moves and
 * nothing is copied. Zeroed is empty; element_size is set by the owner. */
struct arena_list {
    struct arena *arena;
    size_t element_size;
    size_t count;
    size_t capacity;
    void *block[24];                /* each twice the one before */
};

/* A new zeroed element at the end, or NULL. */
void *arena_list_push(struct arena_list *);

/* The element at @i, which must be below count. */
void *arena_list_at(const struct arena_list *, size_t i);

#endif
