/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_DL_HANDLES_H
#define HOOKS_DL_HANDLES_H

#include <dlfcn.h>
#include <stddef.h>

extern int (*next_dlinfo)(void *, int, void *);

/* The path of what was just opened as @handle, remembered by it; *@space is the
 * link-map namespace. Lives on. */
const char *handles_opened(void *handle, Lmid_t *space);

/* RTLD_DEFAULT, RTLD_NEXT, the path of what was opened, or the number of a handle
 * that came from elsewhere: a handle is not looked into, it may be closed. */
void handles_name(char *name, size_t size, void *handle);

#endif
