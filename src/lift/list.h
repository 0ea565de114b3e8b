/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_LIST_H
#define GRAFT_LIFT_LIST_H

/* Which modules to take and which to skip: a user's text file (graft-link(1), --list).
 *
 *     # everything of numpy but its tests
 *     take numpy.*
 *     skip *_tests*
 *
 * A line is a comment, or `take GLOB` or `skip GLOB`; the last one that matches a module's
 * name or its path decides, and what none matches is taken. */

#include <stdbool.h>

#include <graft/graft.h>

#include "base/arena.h"

/* Zeroed is a list that takes everything. */
struct module_list { struct arena arena; struct arena_list rules; };

/* -GRAFT_ESYNTAX names file and line, -GRAFT_ESYS. */
int module_list_read(struct module_list *, const char *path, struct graft_error *);
bool module_list_takes(const struct module_list *, const char *name, const char *path);
void module_list_free(struct module_list *);

#endif
