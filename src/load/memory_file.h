/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_MEMORY_FILE_H
#define GRAFT_LOAD_MEMORY_FILE_H

#include <stddef.h>

struct graft_error;

/* A file that dlopen can open and that nobody else can write. */
struct memory_file {
    int file;                       /* -1: none */
    char path[160];                 /* for dlopen, spelled as never before */
    char folder[128];               /* on disk, to be removed; empty: it is in memory */
    unsigned char *bytes;           /* while it is being written */
    size_t size;
};

/* Makes a file of @size zero bytes, named @name where the system shows names, with its
 * bytes mapped. In memory, or where that is forbidden in a private folder.
 * -GRAFT_ESYS says what was tried. */
int memory_file_open(struct memory_file *, const char *name, size_t size, struct graft_error *);

/* No more writing: the bytes are unmapped, the file is sealed. -GRAFT_ESYS. */
int memory_file_seal(struct memory_file *, struct graft_error *);

/* What was opened stays mapped by whoever opened it. */
void memory_file_close(struct memory_file *);

#endif
