/* SPDX-License-Identifier: MIT */
/* Linked to nothing: no versions at all. */
int bare(void) { return 61; }
