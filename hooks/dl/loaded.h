/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_DL_LOADED_H
#define HOOKS_DL_LOADED_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/report.h"

/* In all namespaces: objects that were ever added, and those that are there. */
struct loads { unsigned long long added, present; };

struct loads loaded_now(void);

/* How many came, and how many went, since @before. */
unsigned long long loaded_new(const struct loads *before);
unsigned long long loaded_gone(const struct loads *before);

/* Which objects are there, to tell the new ones from later. Gives back its own memory
 * with loaded_free. */
struct loaded { const struct link_map **maps; size_t count, room; };

void loaded_list(struct loaded *);
void loaded_free(struct loaded *);

/* Adds the paths that are loaded now and were not in @before, each after @separator;
 * as JSON strings if @json, the first without a separator. */
void loaded_add_new(const struct loaded *before, struct report *, const char *separator, bool json);

#endif
