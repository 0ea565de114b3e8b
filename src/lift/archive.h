/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_ARCHIVE_H
#define GRAFT_LIFT_ARCHIVE_H

/* What the index of a static library says. */

#include <stdbool.h>
#include <stddef.h>

#include <graft/graft.h>

/* Calls @each for all names that the archive's index has, until it returns false.
 * -GRAFT_EFORMAT: no archive, or one without an index (ranlib makes it). -GRAFT_ESYS. */
int archive_names(const char *path, bool (*each)(void *arg, const char *name), void *arg, struct graft_error *);

#endif
