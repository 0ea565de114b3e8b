/* SPDX-License-Identifier: MIT */
/* Defines a name that the program defines too. */
int shared_name(void);
__attribute__((noipa)) int shared_name(void) { return 2; }
int call_shared(void) { return shared_name(); }
