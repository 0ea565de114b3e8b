/* SPDX-License-Identifier: MIT */
/* Uses a name of a module that it does not say it needs. */
int global_value(void);
int global_use(void) { return global_value() + 1; }
