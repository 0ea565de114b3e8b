/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_SCAN_H
#define GRAFT_PLAN_SCAN_H

/* The quick test of every plan over memory: which slots hold an address that
 * matters. */

#include "elf/reloc.h"

/* What the quick test needs of the object being walked. */
struct scan {
    const struct elf_image *image;
    const struct elf_span *span;    /* of the slot before; NULL: none yet */
    uint64_t low, size;             /* run-time addresses that slots may have to leave */
    uint64_t own_low, own_size;     /* of the object itself: where its stubs are */
};

/* Whether a word's value says that the slot cannot belong to the plan. */
static inline bool scan_is_foreign(const struct scan *w, enum elf_reloc_class class, uint64_t value, int64_t addend)
{
    return value - (uint64_t)addend - w->low >= w->size && value - w->low >= w->size
        && !(class == ELF_RELOC_JUMP_SLOT && value - w->own_low < w->own_size);
}

/* The first relocation of @table from @i on that needs a closer look, or the count.
 * What it does not know at once needs one. */
size_t scan_foreign(const struct scan *, const struct elf_table *table, size_t i);

#endif
