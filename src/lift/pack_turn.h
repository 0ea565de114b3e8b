/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_PACK_TURN_H
#define GRAFT_LIFT_PACK_TURN_H

/* What an object must have otherwise before it becomes a module: arrays of constructors as
 * offsets, and no unique symbols. */

#include "elf/section.h"

/* @sections are read out of other memory than @bytes, which holds the same file. Adds the
 * numbers of constructors and destructors. -GRAFT_EREFUSED names the section. */
int pack_turn(unsigned char *bytes, const struct elf_sections *sections, size_t *init_count, size_t *fini_count,
              struct graft_error *);

#endif
