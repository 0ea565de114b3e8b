/* SPDX-License-Identifier: MIT */
/* One caller keeps the old version. */
int versioned_old(void), versioned(void);
__asm__(".symver versioned_old, versioned@VER_1");
int use_old(void) { return versioned_old(); }
int use_new(void) { return versioned(); }
