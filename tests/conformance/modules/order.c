/* SPDX-License-Identifier: MIT */
/* Tells when it comes and goes; NAME is its name. */
#include "module.h"
__attribute__((constructor)) static void begin(void) { say("  + " TEXT(NAME) "\n"); }
__attribute__((destructor)) static void end(void) { say("  - " TEXT(NAME) "\n"); }
int JOIN(order_, NAME)(void) { return sizeof TEXT(NAME); }
