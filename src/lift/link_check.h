/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_LINK_CHECK_H
#define GRAFT_LIFT_LINK_CHECK_H

/* Whether the program that a link has made, the file @output, may appear as @name. */

#include "lift/link.h"

/* -GRAFT_EREFUSED: no kernel would run it; -GRAFT_EAMBIG: two modules have one path;
 * -GRAFT_EBUILDID: it is not what the job expects. */
int link_check(const char *output, const struct link_job *, const char *name, struct graft_error *);

#endif
