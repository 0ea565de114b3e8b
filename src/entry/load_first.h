/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ENTRY_LOAD_FIRST_H
#define GRAFT_ENTRY_LOAD_FIRST_H

#include <stdbool.h>

/* The file @path is loaded, as the rules say, just before the program's main; with @only
 * the process then ends, with the tool's exit status. @path lives for good. From the
 * preloaded library's constructor. */
int load_first(const char *path, bool only);

#endif
