/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_MALLOC_NUMBERS_H
#define HOOKS_MALLOC_NUMBERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What is counted beside the callers' own counts. */
struct numbers {
    _Atomic size_t live;            /* bytes: what all threads write, away from the rest */
    char apart[128];
    _Atomic size_t peak;
    _Atomic size_t failed;          /* calls that gave no memory */
    _Atomic size_t vanished;        /* blocks that were freed out of sight */
    _Atomic size_t unknown;         /* freed, and never seen before */
    _Atomic size_t untracked;       /* given, with no memory to remember them */
};

extern struct numbers numbers;

/* The whole report, with @top places, and what is still held if @leaks. */
void print_report(size_t top, bool leaks);

#endif
