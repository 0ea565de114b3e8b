/* SPDX-License-Identifier: MIT */
/* Memory straight from mmap. Invariant: never the host's malloc, which graft may
 * be hooking and whose lock a thread may hold while we run inside the loader. */

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

struct arena_chunk {
    struct arena_chunk *older;
    size_t size, used;
    max_align_t data[];
};

enum { CHUNK_SMALLEST = 64 * 1024, PAGE = 4096, ALIGNMENT = _Alignof(max_align_t) };

/* A few chunks that were given back and zeroed: most arenas live for one operation, and a
 * mapping costs more than what it is used for. */
static struct arena_chunk *spare[4];

static struct arena_chunk *take_spare(void)
{
    struct arena_chunk *chunk = NULL;
    for (size_t i = 0; i < sizeof spare / sizeof *spare && !chunk; i++)
        if (__atomic_load_n(&spare[i], __ATOMIC_RELAXED))
            chunk = __atomic_exchange_n(&spare[i], NULL, __ATOMIC_ACQUIRE);
    return chunk;
}

static bool keep_spare(struct arena_chunk *chunk)
{
    if (chunk->size != CHUNK_SMALLEST)
        return false;
    memset(chunk, 0, chunk->used);
    for (size_t i = 0; i < sizeof spare / sizeof *spare; i++) {
        struct arena_chunk *none = NULL;
        if (__atomic_compare_exchange_n(&spare[i], &none, chunk, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

/* A large piece gets a chunk of its own behind the newest, whose room stays in use. */
static struct arena_chunk *chunk_new(struct arena *arena, size_t need)
{
    if (need > SIZE_MAX / 4)
        return NULL;
    size_t size = (need + sizeof(struct arena_chunk) + PAGE - 1) & ~(size_t)(PAGE - 1);
    bool apart = size > CHUNK_SMALLEST && arena->newest;
    if (size < CHUNK_SMALLEST)
        size = CHUNK_SMALLEST;
    struct arena_chunk *chunk = size == CHUNK_SMALLEST ? take_spare() : NULL;
    if (!chunk)
        chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED)
        return NULL;
    struct arena_chunk **place = apart ? &arena->newest->older : &arena->newest;
    *chunk = (struct arena_chunk){ .older = *place, .size = size, .used = sizeof *chunk };
    *place = chunk;
    arena->mapped += size;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT)
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_chunk *chunk = arena->newest;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = chunk_new(arena, size);
    if (!chunk)
        return NULL;
    void *memory = (char *)chunk + chunk->used;
    chunk->used += size;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(arena, bytes);
}

const char *arena_string(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_alloc(arena, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void arena_free(struct arena *arena)
{
    struct arena_chunk *chunk = arena->newest;
    while (chunk) {
        struct arena_chunk *older = chunk->older;
        size_t size = chunk->size;
        if (!keep_spare(chunk))
            munmap(chunk, size);
        chunk = older;
    }
    arena->newest = NULL;
    arena->mapped = 0;
}

void *arena_list_push(struct arena_list *list)
{
    size_t offset;
    unsigned block = arena_list_block(list, list->count, &offset);
    if (block >= sizeof list->block / sizeof *list->block)
        return NULL;
    if (!list->block[block]) {
        size_t elements = (size_t)1 << (arena_list_shift(list) + block);
        list->block[block] = arena_array(list->arena, elements, list->element_size);
        if (!list->block[block])
            return NULL;
        list->capacity += elements;
    }
    list->count++;                  /* zeroed here: the list may have been cut back */
    return memset((char *)list->block[block] + offset * list->element_size, 0, list->element_size);
}
