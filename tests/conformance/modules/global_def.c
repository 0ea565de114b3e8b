/* SPDX-License-Identifier: MIT */
/* What another module wants without saying of whom. */
int global_value(void) { return 321; }
