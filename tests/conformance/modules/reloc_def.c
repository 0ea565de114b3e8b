/* SPDX-License-Identifier: MIT */
/* What libreloc refers to. */
int reloc_array[10] = { 0, 10, 20, 30, 40, 50, 60, 70, 80, 90 };
int reloc_other(void) { return 52; }
