/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_LINK_PYTHON_H
#define GRAFT_CLI_LINK_PYTHON_H

#include <stdbool.h>

/* The link command with what a static python needs behind it, if @python; a list that the
 * caller frees, whose words stay those of @command or static. NULL: no archive of libpython. */
char **link_python_command(char **command, bool python);

#endif
