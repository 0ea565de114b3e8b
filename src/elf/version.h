/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ELF_VERSION_H
#define GRAFT_ELF_VERSION_H

/* The chains that give version indexes their names. */

#include "elf/image.h"

/* No library has more: libstdc++ has 60. It bounds what one name costs. */
enum { ELF_VERSIONS_MAX = 4096 };

/* Walks both chains once and sets their counts to what they hold.
 * -GRAFT_EFORMAT names the entry and the field that leads outside the image, or
 * does not lead forward. */
int elf_versions_check(struct elf_image *, struct graft_error *);

/* The name that a definition, or a reference, of version @index has; NULL: none. */
const char *elf_verdef_name(const struct elf_image *, uint16_t index);
const char *elf_verneed_name(const struct elf_image *, uint16_t index);

#endif
