/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ELF_RELOC_H
#define GRAFT_ELF_RELOC_H

/* One dynamic relocation, and the fast way to read one: this is the inner loop
 * of every plan, a few nanoseconds a relocation (TRAPS 20). */

#include "elf/image.h"

struct elf_reloc {
    uint64_t offset;                /* link address of the slot */
    int64_t addend;                 /* 0 in a REL table: it is in the slot */
    uint32_t type, symbol;
};

static inline struct elf_reloc elf_reloc_at(const struct elf_image *image,
                                            const struct elf_table *table, size_t i)
{
    const unsigned char *p = table->bytes + i * table->entry_size;
    struct elf_reloc reloc;
    uint64_t info;
    if (image->elf_class == 2) {
        reloc.offset = elf_get64(image, p);
        info = elf_get64(image, p + 8);
        reloc.addend = table->has_addend ? (int64_t)elf_get64(image, p + 16) : 0;
        reloc.type = (uint32_t)info;
        reloc.symbol = (uint32_t)(info >> 32);
    } else {
        reloc.offset = elf_get32(image, p);
        info = elf_get32(image, p + 4);
        reloc.addend = table->has_addend ? (int32_t)elf_get32(image, p + 8) : 0;
        reloc.type = info & 0xff;
        reloc.symbol = (uint32_t)(info >> 8);
    }
    return reloc;
}

/* The word at link address @vaddr, looked for first in *@hint, the span of the
 * word before; false if it lies outside the image. */
static inline bool elf_slot_read(const struct elf_image *image, const struct elf_span **hint,
                                 uint64_t vaddr, uint64_t *value)
{
    const struct elf_span *span = *hint;
    unsigned word = elf_word_size(image);
    if (!span || vaddr - span->vaddr >= span->size || span->size - (vaddr - span->vaddr) < word) {
        span = NULL;
        for (unsigned i = 0; i < image->span_count && !span; i++) {
            const struct elf_span *s = &image->span[i];
            if (vaddr - s->vaddr < s->size && s->size - (vaddr - s->vaddr) >= word)
                span = s;
        }
        if (!span)
            return false;
        *hint = span;
    }
    *value = elf_get_word(image, span->bytes + (vaddr - span->vaddr));
    return true;
}

#endif
