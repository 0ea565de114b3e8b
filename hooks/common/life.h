/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_LIFE_H
#define HOOKS_COMMON_LIFE_H

#include <graft/hook.h>

#include "common/hook.h"

/* When a library reports, whatever way its process ends: once, as late as possible.
 *
 *      exit, return from main    after the destructors of all libraries
 *      _exit, _Exit, quick_exit  before the kernel is asked
 *      graft_hooks_stop          then
 *      fork                      the child starts anew, and reports for itself
 *      exec, abort, a signal     nothing
 */

/* For start(), after options_parse. @report (NULL: nothing to tell) is called once
 * per process; @child (NULL too) in each fork's child, to zero what was counted.
 * Includes report_start. 0, -GRAFT_ESYS with the reason. */
int life_start(const char *name, void (*report)(void), void (*child)(void), struct graft_error *);

/* The library's stop, as it is. */
void life_stop(void);

/* Belongs into the library's hooks, first of all. */
#define LIFE_HOOKS \
    HOOK("_exit", life_exit, life_next_exit), \
    HOOK("_Exit", life_Exit, life_next_Exit), \
    HOOK_IF_ANY("_Fork", life_Fork, life_next_Fork)

_Noreturn void life_exit(int status);
_Noreturn void life_Exit(int status);
int life_Fork(void);
extern void (*life_next_exit)(int), (*life_next_Exit)(int);
extern int (*life_next_Fork)(void);

#endif
