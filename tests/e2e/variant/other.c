/* SPDX-License-Identifier: MIT */
/* A library for any machine: freestanding, with versions and one needed library (DEP) or
 * as that library (else). */

#if DEP
int dep_call(void);
extern int dep_datum;
int other_call(void);
int (*const other_table)(void) = dep_call;
int *const other_data = &dep_datum;
int other_call(void) { return other_table() + *other_data; }
#else
int dep_call(void);
extern int dep_datum;
int dep_call(void) { return 1; }
int dep_datum;
#endif
