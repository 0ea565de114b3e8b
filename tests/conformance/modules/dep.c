/* SPDX-License-Identifier: MIT */
/* One of a hundred. */
#include "module.h"
extern int hundred_opened;
int JOIN(dep_, NUMBER)(void) { return JOIN(1, NUMBER) - 100; }
__attribute__((destructor)) static void end(void) { main_data++; }
__attribute__((constructor)) static void begin(void) { hundred_opened++; }
