/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_CLOSURE_H
#define GRAFT_FILE_CLOSURE_H

/* What a dlopen would bring, as files: the consumer and, breadth first, all that it
 * needs and that is not loaded yet. */

#include "file/search.h"
#include "plan/load.h"

struct closure_search {
    const struct search *search;
    const struct search_from *caller;   /* the object that calls dlopen; NULL: not known */
    bool (*is_loaded)(void *arg, const char *name); /* whether ld.so has an object of that name */
    /* Whether file @index holds a runtime that has a host: then what only it needs is not
     * opened, as it is not itself. NULL: never. */
    bool (*is_duplicate)(void *arg, const struct world *files, size_t index);
    void *arg;
};

/* Where the file is that dlopen(@name) opens. -GRAFT_ENOOBJ. */
int closure_find(const struct closure_search *, const char *name, char path[PATH_MAX], struct graft_error *);

/* Opens the file @path and what it needs. -GRAFT_EFORMAT and -GRAFT_EARCH are about the
 * file itself; what it needs and cannot be read is noted in the closure. The caller
 * closes it, also after a failure. */
int closure_open(struct load_closure *, const struct closure_search *, const char *path, struct graft_error *);
void closure_close(struct load_closure *);

#endif
