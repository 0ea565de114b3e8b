/* SPDX-License-Identifier: MIT */
/* A variable that nobody has. */
extern int never_defined_data;
int *undefined_pointer = &never_defined_data;
