/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_MAIN_TABLE_H
#define GRAFT_LIFT_MAIN_TABLE_H

/* The main program's own names, for dlopen(NULL) and RTLD_DEFAULT. They are known only
 * after the link, and take no second one: a page is reserved for them at the end of the
 * program, whose segment then grows at the end of the file. */

#include <graft/graft.h>

/* Writes the object that reserves the place. */
int main_table_reserve(const char *path, struct graft_error *);

/* Writes the table into the finished executable; @count (may be NULL) gets the number of
 * names. @libc: the path of libc.a, whose names and those of libm.a beside it are the C
 * library's; NULL: not known. -GRAFT_EFORMAT: no such place, or no symbols. */
int main_table_write(const char *path, const char *libc, size_t *count, struct graft_error *);

#endif
