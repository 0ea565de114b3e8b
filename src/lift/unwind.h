/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_UNWIND_H
#define GRAFT_LIFT_UNWIND_H

/* The unwind tables of an image: where their pointers are. */

#include "elf/image.h"

struct unwind {
    const unsigned char *bytes;     /* NULL: the image has none */
    uint64_t vaddr, size;           /* without the terminator */
};

/* One pointer in them: the 4 bytes at @offset are relative to themselves, and lead to
 * link address @target. */
typedef int unwind_pointer_fn(void *arg, uint64_t offset, uint64_t target);

/* Finds .eh_frame through the PT_GNU_EH_FRAME that @headers hold (LSB Core, "Exception
 * Frames"; encodings: DWARF EH). -GRAFT_EFORMAT names what is damaged, or an encoding
 * that is not understood. */
int unwind_find(struct unwind *, const struct elf_image *, const struct elf_segment *eh_frame_header,
                struct graft_error *);

/* Calls @each for all pointers, in order, until one returns a code other than 0. */
int unwind_pointers(const struct unwind *, unwind_pointer_fn *each, void *arg, struct graft_error *);

#endif
