/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_SOURCES_H
#define GRAFT_LOAD_SOURCES_H

/* Addresses that no dynamic symbol of a loaded object tells, in this process. */

#include "bind/caller.h"
#include "file/addresses.h"

/* Takes over what a table says of objects that are loaded. -GRAFT_ESYNTAX,
 * -GRAFT_EBUILDID, -GRAFT_ENOMEM. */
int sources_take_table(struct addresses *, const char *text, struct graft_error *);

/* Looks for what @plan lacks where it was not looked yet: whatever is visible to all
 * (once, as *asked_loader says), then in files. Whether anything was found. Without locks
 * held. */
bool sources_look(struct addresses *, const struct graft_load_plan *plan, const struct caller *caller,
                  bool *asked_loader);

/* The address of @name in the files of the loaded object @host; false: none or not one.
 * Without locks held. */
bool sources_find(uint64_t host, const char *name, struct load_address *);

/* Whether the library in the file @path exports @name. */
bool sources_exports(const char *path, const char *name);

#endif
