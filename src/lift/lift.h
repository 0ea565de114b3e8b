/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_LIFT_H
#define GRAFT_LIFT_LIFT_H

/* Makes a relocatable object of a module:
 *
 *     PT_LOAD k ──▶ section .graft.ID.OFFSET      (flags of the segment; OFFSET: from the start, hex)
 *     its bss   ──▶ section .graft.ID.OFFSET      (NOBITS; at least a byte after the last segment)
 *     PT_TLS    ──▶ .tdata.graft.ID               .eh_frame ──▶ .eh_frame, with relocations
 *     record    ──▶ graft_modules                 texts, headers ──▶ .rodata.graft.ID
 *
 * The sections must be linked at their offsets from each other: lift/layout.h. */

#include "lift/module.h"

/* Where a name leads that a module refers to. */
enum lift_where {
    LIFT_OPEN,                      /* an undefined symbol in the object: the main program's */
    LIFT_OWN,                       /* its own definition */
    LIFT_OTHER,                     /* the definition in another module */
    LIFT_LATE                       /* looked for by dlopen */
};

struct lift_binding {
    const struct lift_module *module;       /* OTHER */
    struct elf_symbol symbol;               /* OTHER: its definition */
};

typedef enum lift_where lift_resolve_fn(void *arg, const struct lift_module *, const struct elf_symbol *wanted,
                                        struct lift_binding *);

struct lift_options {
    bool lib;                       /* its exports become global symbols, for others to bind to */
    lift_resolve_fn *resolve;       /* NULL: own definitions, else open */
    void *arg;
};

struct lift_counts { size_t relocations, late, imports, exports; };

/* Writes the object @path. @counts may be NULL. -GRAFT_EFORMAT, -GRAFT_EREFUSED,
 * -GRAFT_ESYS, -GRAFT_ENOMEM. */
int lift_write(struct lift_module *, const struct lift_options *, const char *path, struct lift_counts *counts,
               struct graft_error *);

#endif
