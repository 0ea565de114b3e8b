/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_LOCK_H
#define GRAFT_CLI_LOCK_H

/* The lock file of a link: JSON with the digest of each module, of the registry and of
 * each file that the command names, so that the same input is known to be the same. */

#include "lift/link.h"

/* -GRAFT_ESYS. */
int lock_write(const char *path, const struct link_job *, const char *output, struct graft_error *);

/* -GRAFT_EBUILDID names the first file that is another one; -GRAFT_EFORMAT, -GRAFT_ESYS. @output
 * gets the digest that the result must have. */
int lock_check(const char *path, const struct link_job *, uint8_t output[32], struct graft_error *);

#endif
