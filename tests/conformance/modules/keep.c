/* SPDX-License-Identifier: MIT */
/* A count that shows whether the module stayed. */
#include "module.h"
static int count = 10;
int bump(void) { return ++count; }
__attribute__((constructor)) static void begin(void) { say("  constructor\n"); }
__attribute__((destructor)) static void end(void) { say("  destructor\n"); }
