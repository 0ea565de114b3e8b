/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_TARGET_H
#define GRAFT_PLAN_TARGET_H

/* Where a reference should go: the definition that the new owner itself uses. */

#include <graft/plan.h>

#include "elf/arch.h"
#include "elf/symbol.h"
#include "plan/world.h"

/* A reference as the consumer makes it. */
struct reference {
    const char *name, *version;
    uint32_t gnu_hash;
    enum elf_reloc_class class;
    bool weak;                      /* an undefined weak reference */
    bool any_version;               /* GRAFT_ANY_VERSION */
    bool live;                      /* addresses are run-time ones, not a file's */
};

struct target {
    enum graft_verdict verdict;     /* EDIT, WEAK, or why there is none */
    uint64_t value;                 /* S: the address, without an addend */
    size_t object;                  /* that holds it */
    struct elf_symbol symbol;       /* the definition in the owner */
};

/* The definition of @reference that @owner uses. What @owner itself bound wins:
 * a copy relocation or an interposing definition in the main program, the chosen
 * function of an IFUNC, the one copy of a unique symbol; then its .dynsym. */
void target_find(const struct world *, size_t owner, const struct reference *, struct target *out);

/* The address of what runs when symbol @symbol of @owner is called: of an IFUNC the
 * function that was chosen; 0: which one is not known from here. */
uint64_t target_address(const struct world *, size_t owner, const struct elf_symbol *symbol);

/* Whether a definition of type @b can stand for one of type @a. */
bool target_types_agree(uint8_t a, uint8_t b);

/* The name and version to look up for symbol @index of @image; false if the
 * index is bad. */
bool reference_of(const struct elf_image *, uint32_t index, struct reference *, struct elf_symbol *);

#endif
