/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_FETCH_H
#define GRAFT_ATTACH_FETCH_H

/* One object of a target as an image, with bytes copied out of the target. */

#include "attach/process.h"
#include "base/arena.h"
#include "elf/image.h"

/* Program headers, copied. */
struct fetch_headers {
    uint64_t address;               /* in the target */
    const void *bytes;
    size_t count, entry_size;
    uint16_t type;                  /* e_type */
};

/* Headers that lie at a known address; those that the ELF header at @base leads
 * to. -GRAFT_EFORMAT, -GRAFT_ENOMEM. */
int fetch_headers_at(struct fetch_headers *, const struct process *, struct arena *, struct graft_error *);
int fetch_headers_of(struct fetch_headers *, const struct process *, struct arena *, uint64_t base,
                     struct graft_error *);

enum fetch_depth {
    FETCH_SHAPE,                    /* segments and build-id */
    FETCH_TABLES                    /* besides: symbols, relocations, data */
};

int fetch_image(struct elf_image *, const struct process *, struct arena *, const struct fetch_headers *,
                uint64_t bias, enum fetch_depth, struct graft_error *);

#endif
