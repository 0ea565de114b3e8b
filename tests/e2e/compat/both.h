/* SPDX-License-Identifier: MIT */
#ifndef COMPAT_BOTH_H
#define COMPAT_BOTH_H

/* For programs that use both interfaces: GOTCHA's wrappers add tens and hundreds to the
 * answer, plthook's replacement a thousand. Included by one file of a program. */
#include <gotcha/gotcha.h>
#include <plthook.h>

#include "libraries.h"

#define WRAPPER(name, more) \
    static gotcha_wrappee_handle_t name##_handle; \
    static int name##_wrapper(void) { return more + ((number_type *)gotcha_get_wrappee(name##_handle))(); }

static number_type *before;

static int replacement(void)
{
    return 1000 + before();
}

#endif
