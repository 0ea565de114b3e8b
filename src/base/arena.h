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

/* The first block holds 64 elements, or 8 large ones. */
static inline unsigned arena_list_shift(const struct arena_list *list)
{
    return list->element_size > 512 ? 3 : 6;
}

/* Block b holds elements [f·(2^b − 1), f·(2^(b+1) − 1)), f being 1 << shift. */
static inline unsigned arena_list_block(const struct arena_list *list, size_t i, size_t *offset)
{
    unsigned shift = arena_list_shift(list);
    unsigned block = (unsigned)(63 - __builtin_clzll((i >> shift) + 1));
    *offset = i - (((size_t)1 << (shift + block)) - ((size_t)1 << shift));
    return block;
}

/* The element at @i, which must be below count. */
static inline void *arena_list_at(const struct arena_list *list, size_t i)
{
    size_t offset;
    unsigned block = arena_list_block(list, i, &offset);
    return (char *)list->block[block] + offset * list->element_size;
}

#endif
