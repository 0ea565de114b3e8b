/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_HOOK_LIBRARIES_H
#define GRAFT_CLI_HOOK_LIBRARIES_H

#include "symfile/hook_library.h"

/* Finds the hook library @name: a path if it has a slash, else NAME.so in the folders
 * of GRAFT_HOOK_PATH, beside the tool, where graft was installed. -GRAFT_ENOOBJ lists
 * what there is. */
int hook_libraries_find(struct hook_library *, const char *name, struct graft_error *);

/* Calls @each for every hook library in those folders, once for each name, sorted;
 * @error tells of one that cannot be used. */
void hook_libraries_each(void (*each)(const struct hook_library *, const struct graft_error *, void *arg), void *arg);

#endif
