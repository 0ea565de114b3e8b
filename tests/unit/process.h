/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

/* What rebinds its own process must not leave anything to the next test: each test
 * runs in a process of its own. Include before this what cmocka.h wants. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* main of such a program: without an argument, runs this program once for each
 * test and shows the output of those that fail; with the name of a test, runs it
 * here. */
int each_in_a_process(int argc, char **argv, const struct CMUnitTest *tests, size_t count);

/* Whether the long variants are asked for (SOAK=1). */
int is_soak(void);

#endif
