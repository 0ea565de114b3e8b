/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_COMPAT_GOTCHA_H
#define GRAFT_COMPAT_GOTCHA_H

/* GOTCHA's interface over graft: wrappers for functions, whoever calls them.
 *
 *      cc program.c $(pkg-config --cflags --libs graft-compat)
 *
 * Names, values and meanings are GOTCHA's; docs/guide/compat.md says what is done
 * otherwise, and why. New programs use <graft/graft.h>. Any thread may call these at
 * any time, but not from a library filter, a constructor of a library that another
 * thread opens, or a signal handler. */

#include <link.h>

#include "gotcha_config.h"
#include "gotcha_types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GOTCHA_EXPORT __attribute__((__visibility__("default")))

/* Declares a pointer to a function of that type. */
#define GOTCHA_MAKE_FUNCTION_PTR(name, ret_type, ...) ret_type (*name)(__VA_ARGS__)

/* Wraps @num_actions functions for a tool. Names are copied; the handles must stay.
 * GOTCHA_FUNCTION_NOT_FOUND: one or more are not loaded; the others are wrapped, and
 * those will be as soon as a library brings them. GOTCHA_INTERNAL: at least one could
 * not be wrapped. A wrapper that is bound again with the same handle takes the new
 * tool's place instead of standing twice in the chain. */
GOTCHA_EXPORT enum gotcha_error_t gotcha_wrap(struct gotcha_binding_t *bindings, int num_actions,
                                              const char *tool_name);

/* Takes out all wrappers of a tool, and gives the slots' very bytes back where nobody
 * else wraps. Handles stay valid. GOTCHA_INVALID_TOOL: there is none of this name. */
GOTCHA_EXPORT enum gotcha_error_t gotcha_unwrap(const char *tool_name);

/* Of several tools that wrap one function, that of the highest priority is called
 * first; of equal ones that which wrapped last. A tool that was given none has its
 * parent's ("a" is the parent of "a/b"), or -1. Setting it later moves the tool's wrappers:
 * calls of that moment go past them, one under way may meet a wrapper twice. */
GOTCHA_EXPORT enum gotcha_error_t gotcha_set_priority(const char *tool_name, int priority);

/* GOTCHA_INVALID_TOOL: no tool of this name has wrapped or been given a priority. */
GOTCHA_EXPORT enum gotcha_error_t gotcha_get_priority(const char *tool_name, int *priority);

/* The function to call next: another tool's wrapper or the function itself; NULL while
 * it is not loaded. No lock: one load. Ask each time. */
GOTCHA_EXPORT void *gotcha_get_wrappee(gotcha_wrappee_handle_t handle);

/* Whose calls the later gotcha_wraps reach: of libraries whose name holds a text; of the
 * last one in the loader's list; of those that a function answers other than 0 for; of
 * all, as at the start. What is loaded later is asked about, too. The loader's and
 * graft's locks are held while the function runs: it reads the link_map, and calls
 * neither dlopen, dlsym, malloc nor GOTCHA. */
GOTCHA_EXPORT void gotcha_filter_libraries_by_name(const char *nameFilter);
GOTCHA_EXPORT void gotcha_only_filter_last(void);
GOTCHA_EXPORT void gotcha_set_library_filter_func(int (*new_func)(struct link_map *));
GOTCHA_EXPORT void gotcha_restore_library_filter_func(void);

#ifdef __cplusplus
}
#endif
#endif
