/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_SYMFILE_FILES_H
#define GRAFT_SYMFILE_FILES_H

/* Files as a world: what would be loaded, of any architecture. */

#include "plan/world.h"

/* Maps the file @path and adds it. *index is its place; a file that is there
 * already is not added twice. -GRAFT_EFORMAT names the file and the field,
 * -GRAFT_ESYS what the system said. The mapping lasts as long as the process:
 * the world's images point into it. */
int files_add(struct world *, const char *path, size_t *index, struct graft_error *);

/* Adds what the objects from @first on need, found as ld.so would: RPATH, the
 * folders in @library_path (colon separated, may be NULL), RUNPATH, the
 * architecture's default folders. What is not found is skipped: *missing counts. */
void files_add_needed(struct world *, size_t first, const char *library_path, size_t *missing);

#endif
