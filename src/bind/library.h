/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_LIBRARY_H
#define GRAFT_BIND_LIBRARY_H

/* Hook libraries that run. */

#include <graft/hook.h>

enum { LIBRARIES_MAX = 32, LIBRARY_HOOKS_MAX = 512 };

/* As graft_hooks_start, with an environment that may be older than libc's. */
int library_start(const struct graft_hook_library *, const char *arguments, char **environment, struct graft_error *);

/* At exit: calls every stop, hooks stay in. */
void library_stop_all(void);

#endif
