/* SPDX-License-Identifier: MIT */
/* A library that the loader needs and keeps. */

int side_call(void);
int side_call(void) { return 1000; }
