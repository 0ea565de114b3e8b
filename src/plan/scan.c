/* SPDX-License-Identifier: MIT */
/* The inner loop of every plan over memory, for the layout that this process has:
 * runs of one type whose slots lie in one span. Invariants: nothing but the slot and
 * its relocation is read; a slot is passed over only if its word rules it out. */

#include "plan/scan.h"

#include <elf.h>

static inline uint32_t load32(const unsigned char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static bool holds_address(enum elf_reloc_class class)
{
    return class == ELF_RELOC_JUMP_SLOT || class == ELF_RELOC_GLOB_DAT || class == ELF_RELOC_SYMBOLIC;
}

size_t scan_foreign(const struct scan *scan, const struct elf_table *table, size_t i)
{
    enum { ENTRY = sizeof(Elf64_Rela), AHEAD = 96 * ENTRY, AHEAD_SLOTS = 16 * sizeof(uint64_t) };
    const struct scan w = *scan;
    const struct elf_span span = w.span ? *w.span : (struct elf_span){ 0 };
    const uint64_t room = span.size < sizeof(uint64_t) ? 0 : span.size - sizeof(uint64_t) + 1;
    const unsigned char *p = table->bytes + i * ENTRY, *end = table->bytes + table->count * ENTRY;
    if (!w.image->relocated || w.image->swap || w.image->elf_class != ELFCLASS64 || !table->has_addend)
        return i;
    while (p < end) {
        const uint32_t type = load32(p + offsetof(Elf64_Rela, r_info));
        const enum elf_reloc_class class = elf_reloc_class(w.image->arch, type);
        if (class != ELF_RELOC_RELATIVE && !holds_address(class))
            break;
        const unsigned char *start = p;
        for (; p < end && load32(p + offsetof(Elf64_Rela, r_info)) == type; p += ENTRY) {
            uint64_t slot = load64(p) - span.vaddr;
            __builtin_prefetch(p + AHEAD);
            if (class == ELF_RELOC_RELATIVE)
                continue;
            if (slot >= room)
                break;
            __builtin_prefetch(span.bytes + slot + AHEAD_SLOTS);
            if (!scan_is_foreign(&w, class, load64(span.bytes + slot),
                            (int64_t)load64(p + offsetof(Elf64_Rela, r_addend))))
                break;
        }
        if (p == start || (p < end && load32(p + offsetof(Elf64_Rela, r_info)) == type))
            break;
    }
    return (size_t)(p - table->bytes) / ENTRY;
}
