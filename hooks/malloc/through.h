/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_MALLOC_THROUGH_H
#define HOOKS_MALLOC_THROUGH_H

#include <stddef.h>

#include "common/hook.h"

/* Functions that allocate for whoever calls them: the eight operators new of 64-bit
 * machines, strdup. The place that is counted is the one that called them.
 * X(what it returns, its name, parameters, arguments). */
#define THROUGH_FUNCTIONS(X) \
    X(void *, _Znwm, (size_t size), (size)) \
    X(void *, _Znam, (size_t size), (size)) \
    X(void *, _ZnwmRKSt9nothrow_t, (size_t size, const void *none), (size, none)) \
    X(void *, _ZnamRKSt9nothrow_t, (size_t size, const void *none), (size, none)) \
    X(void *, _ZnwmSt11align_val_t, (size_t size, size_t align), (size, align)) \
    X(void *, _ZnamSt11align_val_t, (size_t size, size_t align), (size, align)) \
    X(void *, _ZnwmSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *none), (size, align, none)) \
    X(void *, _ZnamSt11align_val_tRKSt9nothrow_t, (size_t size, size_t align, const void *none), (size, align, none)) \
    X(char *, strdup, (const char *from), (from)) \
    X(char *, strndup, (const char *from, size_t length), (from, length))

#define THROUGH_DECLARE(type, name, parameters, arguments) \
    type through_##name parameters; \
    extern type (*through_next_##name) parameters;
THROUGH_FUNCTIONS(THROUGH_DECLARE)

/* Belongs into the library's hooks. */
#define THROUGH_HOOK(type, name, parameters, arguments) HOOK_IF_ANY(#name, through_##name, through_next_##name),
#define THROUGH_HOOKS THROUGH_FUNCTIONS(THROUGH_HOOK)

/* Who asked, while one of them is at work in this thread; else @caller. */
const void *through_caller(const void *caller);

#endif
