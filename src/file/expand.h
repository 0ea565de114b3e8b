/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_EXPAND_H
#define GRAFT_FILE_EXPAND_H

/* $ORIGIN, $LIB and $PLATFORM, with or without braces, in a search path or in the name
 * of a needed library. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct expand {
    const char *object;             /* path: $ORIGIN is its folder */
    const char *lib, *platform;     /* NULL: not known */
};

/* Writes the @length bytes at @from with their tokens replaced. False: the result does
 * not fit, or a token has no value, and then ld.so uses no such path. */
bool expand_tokens(const struct expand *, const char *from, size_t length, char to[PATH_MAX]);

#endif
