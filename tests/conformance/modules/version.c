/* SPDX-License-Identifier: MIT */
/* One name with two versions. */
int version_one(void) { return 1; }
int version_two(void) { return 2; }
int version_old(void) { return 3; }
int only_new(void) { return 4; }
__asm__(".symver version_one, versioned@VER_1");
__asm__(".symver version_two, versioned@@VER_2");
__asm__(".symver version_old, only_old@VER_1");
