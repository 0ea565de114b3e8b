/* SPDX-License-Identifier: MIT */
/* libbad.so: cannot be opened. */

int nobody_defines_this(void);
int bad(void);
int bad(void) { return nobody_defines_this(); }
