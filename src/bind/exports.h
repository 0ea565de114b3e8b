/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_EXPORTS_H
#define GRAFT_BIND_EXPORTS_H

/* Both in a visit, with the journal's lock. */

#include <stdbool.h>
#include <stddef.h>

/* Makes room for @more values; false: out of memory. */
bool exports_reserve(size_t more);

/* Lists them again, as the journal has them. */
void exports_list(void);

#endif
