/* SPDX-License-Identifier: MIT */
/* libleaf_*.so: what is called, the same in both. */

int bench_leaf(void);
int bench_leaf(void) { return LEAF; }
