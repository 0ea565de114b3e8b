/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_LAYOUT_H
#define GRAFT_LIFT_LAYOUT_H

/* Where ld must put the sections of lifted modules: a script that is inserted into
 * its own.
 *
 *      .bss of the program │ R  RX  R  RW bss │ R  RX  R  RW bss │ … │ .graft.main
 *                            └── module 1 ──┘   └── module 2 ──┘      its own names
 *
 * Within a module the distances are those of the file, since its code knows them. */

#include <stdbool.h>

#include <graft/graft.h>

#include "base/arena.h"

struct layout {
    struct arena *arena;
    struct arena_list modules;      /* layout_module */
    size_t segments;                /* of all: program headers that ld will make */
};

void layout_init(struct layout *, struct arena *);

/* Reads the section names of a relocatable object and adds the module that it holds, if
 * it holds one. -GRAFT_EFORMAT, -GRAFT_ESYS. */
int layout_add_object(struct layout *, const char *path, struct graft_error *);

/* Whether one segment each for R and RX would be more program headers than a kernel
 * takes (65,536 bytes of them: fs/binfmt_elf.c, load_elf_phdrs): then R and RX become one, with
 * ld's -z noseparate-code. */
bool layout_is_crowded(const struct layout *);

/* Whether a linked program has so few program headers that a kernel runs it. */
bool layout_fits_kernel(size_t headers);

/* Writes the script. -GRAFT_ESYS. */
int layout_write(const struct layout *, const char *path, struct graft_error *);

#endif
