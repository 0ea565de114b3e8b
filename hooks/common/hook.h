/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_HOOK_H
#define HOOKS_COMMON_HOOK_H

#include <graft/hook.h>

/* A line of a library's table: calls of @name go to @function, which calls *@next. */
#define HOOK(name, function, next) \
    { .size = sizeof(struct graft_hook), .symbol = (name), .replacement = (void *)(function), \
      .original = (void **)&(next) }

/* As HOOK, for what not every libc has. */
#define HOOK_IF_ANY(name, function, next) \
    { .size = sizeof(struct graft_hook), .symbol = (name), .replacement = (void *)(function), \
      .original = (void **)&(next), .flags = GRAFT_HOOK_LATE }

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Who called the replacement: the engine puts nothing between. */
#define CALLER __builtin_return_address(0)

#endif
