/* SPDX-License-Identifier: MIT */
/* It is called, and its address is taken, from elsewhere. */
int chosen(void);
int (*chosen_table[])(void) = { chosen };
int use_chosen(void) { return chosen(); }
int use_chosen_table(void) { return chosen_table[0](); }
void *chosen_address(void) { return (void *)chosen; }
