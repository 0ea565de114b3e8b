/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_SCAN_H
#define GRAFT_PLAN_SCAN_H

/* The quick test of every plan over memory: which slots hold an address that
 * matters. */

#include "elf/reloc.h"

/* A set of addresses, never wrong when it says no. */
struct scan_filter { uint64_t bit[1024]; };

/* Two bits of one word for each address. */
static inline uint64_t scan_filter_bits(uint64_t address, uint32_t *word)
{
    uint64_t hash = address * 0x9e3779b97f4a7c15ull;
    *word = (uint32_t)(hash >> 54);
    return 1ull << (hash >> 48 & 63) | 1ull << (hash >> 42 & 63);
}
static inline void scan_filter_add(struct scan_filter *filter, uint64_t address)
{
    uint32_t word;
    uint64_t bits = scan_filter_bits(address, &word);
    filter->bit[word] |= bits;
}
static inline bool scan_filter_has(const struct scan_filter *filter, uint64_t address)
{
    uint32_t word;
    uint64_t bits = scan_filter_bits(address, &word);
    return (filter->bit[word] & bits) == bits;
}

/* What the quick test needs of the object being walked. */
struct scan {
    const struct elf_image *image;
    const struct elf_span *span;    /* of the slot before; NULL: none yet */
    uint64_t low, size;             /* run-time addresses that slots may have to leave */
    const struct scan_filter *filter;       /* which of them; NULL: all */
    uint64_t own_low, own_size;     /* of the object itself: where its stubs are */
};

/* Whether a word's value says that the slot cannot belong to the plan. */
static inline bool scan_is_foreign(const struct scan *w, enum elf_reloc_class class, uint64_t value, int64_t addend)
{
    if (class == ELF_RELOC_JUMP_SLOT && value - w->own_low < w->own_size)
        return false;
    if (value - (uint64_t)addend - w->low >= w->size && value - w->low >= w->size)
        return true;
    return w->filter && !scan_filter_has(w->filter, value - (uint64_t)addend)
        && (!addend || !scan_filter_has(w->filter, value));
}

/* The first relocation of @table from @i on that needs a closer look, or the count.
 * What it does not know at once needs one. */
size_t scan_foreign(const struct scan *, const struct elf_table *table, size_t i);

#endif
