/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_FILES_H
#define GRAFT_FILE_FILES_H

/* Files as a world: what would be loaded, of any architecture. All functions here leave
 * errno as it was. */

#include "plan/world.h"

/* Maps the file @path and adds it. *index is its place; a file that is there
 * already is not added twice. -GRAFT_EFORMAT names the file and the field,
 * -GRAFT_ESYS what the system said. The mapping lasts until files_close:
 * the world's images point into it. */
int files_add(struct world *, const char *path, size_t *index, struct graft_error *);

/* Unmaps the files and frees the world. */
void files_close(struct world *);

/* Adds what the objects from @first on need, of whatever machine, found as ld.so would
 * (file/search.h) with @library_path as LD_LIBRARY_PATH (NULL: none). What is not
 * found, or cannot be read, is skipped: *missing counts. */
void files_add_needed(struct world *, size_t first, const char *library_path, size_t *missing);

#endif
