/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_IO_GLOB_H
#define HOOKS_COMMON_IO_GLOB_H

#include <stdbool.h>

/* Whether @text is what @glob says: * is any run of characters, slashes too, ? is one.
 * Allocates nothing and knows no locale, unlike fnmatch: good in a signal handler. */
static inline bool io_glob(const char *glob, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*glob == '*') {
            star = glob++;
            from = text;
        } else if (*glob == '?' || *glob == *text) {
            glob++;
            text++;
        } else if (star) {
            glob = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*glob == '*')
        glob++;
    return !*glob;
}

#endif
