/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_OBJECT_H
#define GRAFT_OBJECT_H

/* What is loaded in this process: objects, and which interpreters live in
 * them. A snapshot is a value: it does not change when the process does. */

#include <stddef.h>
#include <stdint.h>
#include <graft/graft.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a runtime says of itself. UNKNOWN: it offers no way to tell from where
 * we look. NONE: this kind of runtime keeps no process-wide state (Lua). */
enum graft_host_state {
    GRAFT_STATE_UNKNOWN,
    GRAFT_STATE_NONE,
    GRAFT_STATE_UNINITIALISED,
    GRAFT_STATE_INITIALISED
};

/* One interpreter that an object defines. @tag is "python", "node", "ruby",
 * "lua", "perl", "tcl", "php" or "java"; @version may be empty. */
struct graft_runtime {
    const char *tag;
    char version[32];
    enum graft_host_state state;
    unsigned duplicate;             /* 1: another object is the host of this tag */
};

#define GRAFT_RUNTIMES_MAX 4

/* One loaded ELF module. Strings live as long as the snapshot. */
struct graft_object {
    size_t size;                    /* sizeof, for growth */
    const char *path;               /* "" never: the main program's is its real path */
    const char *soname;             /* NULL: none */
    unsigned space;                 /* link-map namespace: 0 is the base one */
    unsigned is_main, is_vdso;
    uintptr_t bias;                 /* load address minus link address; 0 for a non-PIE */
    uintptr_t start, end;           /* the addresses that its segments cover */
    unsigned char build_id[32];
    size_t build_id_size;           /* 0: none */
    struct graft_runtime runtime[GRAFT_RUNTIMES_MAX];
    size_t runtime_count;
};

struct graft_objects;               /* a snapshot: opaque */

/* Takes a snapshot of every object in every namespace, in load order within
 * its namespace. The caller frees it. Other threads may load and unload
 * meanwhile; the list is of one instant. Fails with -GRAFT_ENOMEM,
 * -GRAFT_ESTATIC, -GRAFT_EFORMAT. Since 0.1. */
GRAFT_API int graft_objects_snapshot(struct graft_objects **, struct graft_error *);

GRAFT_API size_t graft_objects_count(const struct graft_objects *);

/* The object at @i, or NULL past the end. Since 0.1. */
GRAFT_API const struct graft_object *graft_objects_get(const struct graft_objects *, size_t i);

/* Frees a snapshot and all strings in it; NULL is allowed. Since 0.1. */
GRAFT_API void graft_objects_free(struct graft_objects *);

#ifdef __cplusplus
}
#endif
#endif
