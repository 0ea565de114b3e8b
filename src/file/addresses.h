/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_ADDRESSES_H
#define GRAFT_FILE_ADDRESSES_H

/* Addresses that no dynamic symbol tells: out of a user's table, of .symtab, of a debug
 * file. Used in two steps, because a process's world may be looked at only where no file
 * may be opened: first what is loaded is listed, then files are read. */

#include "plan/load.h"
#include "plan/table.h"

struct addresses {
    struct arena arena;
    struct load_given *given;       /* grows */
    size_t count, room;
    uint64_t hidden_host;           /* link_map of an object that holds a runtime which it does not show */
    const char *hidden_tag;
    unsigned asked;                 /* which sources were looked at */
    struct addresses_object *object;    /* listed last */
    size_t object_count;
};

/* Adds one; false: out of memory. */
bool addresses_give(struct addresses *, const struct load_given *);

/* Takes over what a table says of objects in @world. -GRAFT_ESYNTAX (an address outside
 * its object), -GRAFT_EBUILDID, -GRAFT_ENOMEM. */
int addresses_take_table(struct addresses *, const struct table *, const struct world *, struct graft_error *);

/* Whether files may tell something that @plan lacks, and were not asked yet. */
bool addresses_may_help(const struct addresses *, const struct graft_load_plan *plan);

/* Lists whose files to read: the host's, or, for a host that shows nothing, everybody's,
 * first that of the object at address @caller. 0 or -GRAFT_ENOMEM. */
int addresses_list(struct addresses *, const struct graft_load_plan *plan, const struct world *, uint64_t caller);

/* Reads the files of what is listed; whether anything was found. */
bool addresses_read(struct addresses *, const struct graft_load_plan *plan);

void addresses_free(struct addresses *);

#endif
