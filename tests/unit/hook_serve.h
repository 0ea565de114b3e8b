/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOOK_SERVE_H
#define TESTS_HOOK_SERVE_H

/* Two replacements of functions like serve, that tell themselves apart in the answer, and
 * how to ask. Included by one file of a program. */

#include "hook_fixture.h"

/* volatile: libc declares its functions to be leaves, which do not come back here */
static volatile unsigned counted;
static int (*next)(int), (*second_next)(int);

static int add_thousand(int x)
{
    counted++;
    return next(x) + 1000;
}

static int add_ten_thousand(int x)
{
    counted++;
    return second_next(x) + 10000;
}

static int ask(void *library, const char *name, int x)
{
    return hook_function(library, name)(x);
}

#endif
