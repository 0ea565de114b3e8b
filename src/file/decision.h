/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_DECISION_H
#define GRAFT_FILE_DECISION_H

/* Decides a load in a world that stands still: another process's, or that of files. */

#include "plan/load.h"

/* What a dlopen of @path in the main program of @here would be. @here is not freed;
 * @library_path is LD_LIBRARY_PATH there, or NULL. As graft_plan_load. */
int decision_make(struct graft_load_plan **, const struct world *here, const char *path, int dlopen_flags,
                  const struct graft_load *wish, const char *library_path, struct graft_error *);

#endif
