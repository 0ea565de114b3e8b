/* SPDX-License-Identifier: MIT */
/* Which blocks are held, by a shadow of the address space: one word for each eight
 * bytes that were ever part of a block's start. Invariant: a word belongs to whoever
 * holds the block there, from after malloc returned to before free is called, so
 * that it needs no lock, whichever thread frees it.
 *
 *    address  47      34 33     22 21          3
 *             [ root    ][ middle ][ leaf, word ]     leaf: 4 MiB of words, paged in
 *                                                     by the kernel as they are used
 *    word     [ caller, 48 bits ][ size, 16 bits ]    a size of 65535 stands for one
 *                                                     that the next word holds */

#include "blocks.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
    LEAF_BITS = 22, MIDDLE_BITS = 12, ROOT_BITS = 14,
    LEAF_WORDS = 1 << (LEAF_BITS - 3), MIDDLE_COUNT = 1 << MIDDLE_BITS, ROOT_COUNT = 1 << ROOT_BITS,
    SIZE_LARGE = 0xffff
};

struct leaf { _Atomic uint64_t words[LEAF_WORDS]; };
struct middle { _Atomic(struct leaf *) leaves[MIDDLE_COUNT]; };

static _Atomic(struct middle *) root[ROOT_COUNT];

/* Whoever loses the race gives its own pages back. */
static void *install(_Atomic(void *) *place, size_t size)
{
    void *seen = NULL;
    void *mine = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mine == MAP_FAILED)
        return NULL;
    madvise(mine, size, MADV_NOHUGEPAGE);
    if (atomic_compare_exchange_strong(place, &seen, mine))
        return mine;
    munmap(mine, size);
    return seen;
}

static _Atomic uint64_t *find(const void *address, bool make)
{
    uintptr_t at = (uintptr_t)address;
    size_t top = at >> (LEAF_BITS + MIDDLE_BITS);
    if (top >= ROOT_COUNT)
        return NULL;
    struct middle *middle = atomic_load_explicit(&root[top], memory_order_acquire);
    if (!middle && (!make || !(middle = install((_Atomic(void *) *)&root[top], sizeof *middle))))
        return NULL;
    _Atomic(struct leaf *) *place = &middle->leaves[at >> LEAF_BITS & (MIDDLE_COUNT - 1)];
    struct leaf *leaf = atomic_load_explicit(place, memory_order_acquire);
    if (!leaf && (!make || !(leaf = install((_Atomic(void *) *)place, sizeof *leaf))))
        return NULL;
    return &leaf->words[at >> 3 & (LEAF_WORDS - 1)];
}

static struct block decode(const _Atomic uint64_t *word, uint64_t value)
{
    struct block block = { (struct caller *)(uintptr_t)(value >> 16), value & SIZE_LARGE };
    if (block.size == SIZE_LARGE)
        block.size = atomic_load_explicit(word + 1, memory_order_relaxed);
    return block;
}

/* A large block's second word is in the same leaf: its address is a multiple of 16. */
bool blocks_add(void *address, struct block block, struct block *old)
{
    _Atomic uint64_t *word = find(address, true);
    if (!word)
        return false;
    uint64_t before = atomic_load_explicit(word, memory_order_relaxed);
    *old = before ? decode(word, before) : (struct block){ NULL, 0 };
    uint64_t value = (uint64_t)(uintptr_t)block.caller << 16;
    if (block.size >= SIZE_LARGE)
        atomic_store_explicit(word + 1, block.size, memory_order_relaxed);
    atomic_store_explicit(word, value | (block.size < SIZE_LARGE ? block.size : SIZE_LARGE), memory_order_release);
    return true;
}

struct block blocks_take(void *address)
{
    _Atomic uint64_t *word = find(address, false);
    uint64_t value = word ? atomic_load_explicit(word, memory_order_relaxed) : 0;
    if (!value)
        return (struct block){ NULL, 0 };
    struct block block = decode(word, value);
    if (block.size >= SIZE_LARGE)
        atomic_store_explicit(word + 1, 0, memory_order_relaxed);
    atomic_store_explicit(word, 0, memory_order_relaxed);
    return block;
}

static void each_leaf(void (*each)(struct leaf *, void *arg), void *arg)
{
    for (size_t i = 0; i < ROOT_COUNT; i++) {
        struct middle *middle = atomic_load_explicit(&root[i], memory_order_acquire);
        for (size_t k = 0; middle && k < MIDDLE_COUNT; k++) {
            struct leaf *leaf = atomic_load_explicit(&middle->leaves[k], memory_order_acquire);
            if (leaf)
                each(leaf, arg);
        }
    }
}

struct visit {
    void (*each)(struct block, void *arg);
    void *arg;
};

static void visit_leaf(struct leaf *leaf, void *arg)
{
    const struct visit *visit = arg;
    for (size_t i = 0; i < LEAF_WORDS; i++) {
        uint64_t value = atomic_load_explicit(&leaf->words[i], memory_order_acquire);
        if (!value)
            continue;
        struct block block = decode(&leaf->words[i], value);
        visit->each(block, visit->arg);
        i += block.size >= SIZE_LARGE;
    }
}

void blocks_each(void (*each)(struct block, void *arg), void *arg)
{
    struct visit visit = { each, arg };
    each_leaf(visit_leaf, &visit);
}

static void forget_leaf(struct leaf *leaf, void *arg)
{
    (void)arg;
    madvise(leaf, sizeof *leaf, MADV_DONTNEED);
}

void blocks_forget(void)
{
    each_leaf(forget_leaf, NULL);
}
