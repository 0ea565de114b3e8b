/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_DECIDE_H
#define GRAFT_CLI_DECIDE_H

/* How a load would be done: in a process, or in a program that does not run. */

#include "cli/cli.h"

/* Decides a load rule (its consumer is a file) for the process @pid, or, with 0, for the
 * program @host as it would be started; prints the decision; the exit status. */
int decide_load(const struct command *, const struct rule *, pid_t pid, const char *host, const char *library_path,
                bool json);

#endif
