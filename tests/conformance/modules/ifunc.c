/* SPDX-License-Identifier: MIT */
/* A function that a resolver chooses. */
int resolver_ran = 1;
static int one(void) { return 11; }
static int (*choose(void))(void) { return one; }
int chosen(void) __attribute__((ifunc("choose")));
