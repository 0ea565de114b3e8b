/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_TABLE_H
#define GRAFT_PLAN_TABLE_H

/* A table of addresses that a user gives for a host that hides its symbols. The text
 * format is graft-table(5):
 *
 *     build-id libplug.so 3f2a90…
 *     Py_Initialize = libplug.so+0x1b2f0 func 57
 *
 * one a line, `#` to the end of the line a comment. OBJECT is a path, a basename or a
 * SONAME; the offset is a link address, as nm prints it. */

#include "base/arena.h"
#include "plan/world.h"

struct table_object {
    const char *name;
    uint8_t build_id[ELF_BUILD_ID_MAX];
    size_t build_id_size;           /* never 0 */
};

struct table_entry {
    const char *name;
    size_t object;                  /* which of the objects */
    uint64_t offset, size;
    uint8_t type;                   /* STT_FUNC or STT_OBJECT */
};

struct table {
    struct arena arena;
    struct arena_list objects;      /* of struct table_object */
    struct arena_list entries;      /* of struct table_entry */
};

/* -GRAFT_ESYNTAX names line and word. The caller frees it, also after a failure. */
int table_parse(struct table *, const char *text, struct graft_error *);
void table_free(struct table *);

/* Whether the build-id is that of the loaded @object. */
bool table_is_of(const struct table_object *, const struct world_object *object);

#endif
