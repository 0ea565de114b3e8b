/* SPDX-License-Identifier: MIT */
/* Remembers bytes of a target and compares them again. Invariant: comparing
 * allocates nothing and asks the kernel once for hundreds of pieces, because the
 * target stands still meanwhile. */

#include "attach/witness.h"

#include <string.h>

struct item { uint64_t address; size_t size; const unsigned char *bytes; };

void witness_init(struct witness *witness)
{
    memset(witness, 0, sizeof *witness);
    witness->items.arena = &witness->arena;
    witness->items.element_size = sizeof(struct item);
}

void witness_free(struct witness *witness)
{
    arena_free(&witness->arena);
}

int witness_add(struct witness *witness, uint64_t address, const void *bytes, size_t size)
{
    struct item *item = arena_list_push(&witness->items);
    unsigned char *copy = arena_alloc(&witness->arena, size);
    if (!item || !copy)
        return -GRAFT_ENOMEM;
    memcpy(copy, bytes, size);
    *item = (struct item){ address, size, copy };
    witness->size += size;
    return 0;
}

int witness_prepare(struct witness *witness)
{
    size_t at = 0;
    witness->wanted = arena_array(&witness->arena, witness->items.count + 1, sizeof *witness->wanted);
    witness->buffer = arena_alloc(&witness->arena, witness->size + 1);
    if (!witness->wanted || !witness->buffer)
        return -GRAFT_ENOMEM;
    for (size_t i = 0; i < witness->items.count; i++) {
        const struct item *item = arena_list_at(&witness->items, i);
        witness->wanted[i] = (struct process_bytes){ item->address, item->size, witness->buffer + at };
        at += item->size;
    }
    memset(witness->buffer, 1, witness->size + 1);      /* no page fault later */
    return 0;
}

bool witness_holds(const struct witness *witness, const struct process *process)
{
    if (!process_read_all(process, witness->wanted, witness->items.count))
        return false;
    for (size_t i = 0; i < witness->items.count; i++) {
        const struct item *item = arena_list_at(&witness->items, i);
        if (memcmp(witness->wanted[i].to, item->bytes, item->size))
            return false;
    }
    return true;
}
