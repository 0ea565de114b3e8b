/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_PACK_INPUT_H
#define GRAFT_LIFT_PACK_INPUT_H

/* The objects and archives that are to be packed, looked at one by one. */

#include <graft/graft.h>

/* 0 for a relocatable x86-64 object, or an archive with something in it. -GRAFT_EREFUSED,
 * -GRAFT_EFORMAT, -GRAFT_EARCH, -GRAFT_ESYS. */
int pack_check_input(const char *path, struct graft_error *);

#endif
