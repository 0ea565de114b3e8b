/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_SYMFILE_HOOK_LIBRARY_H
#define GRAFT_SYMFILE_HOOK_LIBRARY_H

#include <stddef.h>

#include <graft/graft.h>

/* What a hook library says of itself. */
struct hook_library {
    char path[4096];                /* real path */
    char name[64], help[256], arguments[1024];
    size_t count;                   /* hooks */
};

/* Reads the descriptor out of the file @path, running nothing of it. -GRAFT_ESYS,
 * -GRAFT_EFORMAT, -GRAFT_EARCH, -GRAFT_EREFUSED (it is no hook library, or one of
 * another version of graft). */
int hook_library_read(struct hook_library *, const char *path, struct graft_error *);

#endif
