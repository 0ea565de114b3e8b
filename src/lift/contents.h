/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_CONTENTS_H
#define GRAFT_LIFT_CONTENTS_H

/* What modules a finished executable holds, read out of its records; stripped ones
 * too, and those whose section headers are gone. Every byte of the file is untrusted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <graft/graft.h>

#include "file/mapping.h"
#include "registry/record.h"

struct contents_module {
    struct graft_record record;     /* a copy; its offsets mean nothing */
    const char *path, *soname;      /* in the file; soname "" where it has none */
    const char *needed;             /* strings one after another, ended by an empty one */
    uint64_t address;               /* link address of the first byte, 0 where it was packed */
};

struct contents {
    struct mapping file;
    struct contents_module *modules;
    size_t count;
    uint64_t names;                 /* of the main program; 0: no table */
};

/* -GRAFT_EFORMAT: no ELF file, or a damaged record; -GRAFT_ENOOBJ: no registry in it.
 * The texts live until contents_close. */
int contents_open(struct contents *, const char *path, struct graft_error *);
void contents_close(struct contents *);

#endif
