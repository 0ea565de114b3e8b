/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_RUNTIME_H
#define GRAFT_PLAN_RUNTIME_H

#include <graft/object.h>

#include "plan/world.h"

/* Which interpreters @object defines, as its anchor symbols tell, with version
 * and state read out of its memory. Returns how many were put in @found. */
size_t runtime_scan(const struct world *, size_t object, struct graft_runtime found[GRAFT_RUNTIMES_MAX]);

/* Whether @object defines the runtime @tag, or exports some of it; its state and
 * version in *found. */
bool runtime_find(const struct world *, size_t object, const char *tag, struct graft_runtime *found);

/* The host of @tag: the object that defines it and says that it is initialised,
 * else, if only one outside @except defines it (or exports a subset of it), that one. WORLD_NONE with
 * *count = 0 for none and 2 or more for several. @except is a set or NULL. */
size_t runtime_host(const struct world *, const char *tag, const unsigned char *except, size_t *count);

/* Whether @object of @files holds a runtime of which @here has a host. */
bool runtime_is_here(const struct world *here, const struct world *files, size_t object);

/* Whether code made for version @a of a runtime may use one of version @b: their first
 * numbers agree, as many as the runtime's own rules ask for. */
bool runtime_versions_agree(const char *tag, const char *a, const char *b);

/* Whether @name means the same in all versions (Node-API, libuv). */
bool runtime_is_stable(const char *tag, const char *name);

/* Whether @name is part of the runtime's interface that lives in a library beside it
 * where that is not built in (libuv beside libnode). */
bool runtime_is_beside(const char *tag, const char *name);

/* The anchors of the runtime in row @row of the table, which only its own code defines;
 * returns how many, 0 past the end. */
size_t runtime_anchors(size_t row, const char **tag, const char *anchor[3]);

#endif
