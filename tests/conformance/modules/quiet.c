/* SPDX-License-Identifier: MIT */
/* A constructor that says nothing, for many threads. */
#include "module.h"
static int state;
__attribute__((constructor)) static void begin(void) { state = 1; }
int JOIN(quiet_, NAME)(void) { return state; }
