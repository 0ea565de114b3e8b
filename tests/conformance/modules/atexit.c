/* SPDX-License-Identifier: MIT */
/* Handlers that belong to a module, and one that adds another. */
#include "module.h"
#include <stdlib.h>
static void one(void) { say("  handler one\n"); }
static void two(void) { say("  handler two\n"); }
static void nested(void) { say("  handler adds one\n"), atexit(one); }
int register_three(void) { return atexit(one) + atexit(nested) + atexit(two); }
__attribute__((destructor)) static void end(void) { say("  destructor\n"); }
