/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_PARALLEL_H
#define GRAFT_LIFT_PARALLEL_H

/* The same work on many modules, on all processors. */

#include <stddef.h>

#include <graft/graft.h>

/* Calls @each for 0 … @count - 1, in any order and from several threads at once; each call
 * has an error of its own. Returns the code of the first in order that failed, with its
 * error; what stands behind a failure may not have been called. */
int parallel_each(size_t count, int (*each)(void *arg, size_t i, struct graft_error *), void *arg,
                  struct graft_error *);

#endif
