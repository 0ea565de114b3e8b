/* SPDX-License-Identifier: MIT */
/* A function that nobody has. */
int never_defined(void);
int undefined_not(void) { return 41; }
int undefined_call(void) { return never_defined(); }
