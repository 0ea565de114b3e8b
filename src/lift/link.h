/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_LINK_H
#define GRAFT_LIFT_LINK_H

/* Links modules into a static executable: lifts what is not lifted yet, binds the
 * modules to each other, runs the link that the caller wrote with its additions, then writes
 * the main program's names into the result. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <graft/graft.h>

struct link_module { const char *path; bool lib; };     /* a shared object, or an object that was made of one */

enum { LINK_NAMES_SHOWN = 12 };

struct link_missing {
    char *name;                     /* malloc'd */
    char wanted_by[256];            /* a module, or empty: the program itself */
    size_t wanting;                 /* modules that want it */
    char archive[256];              /* one of libc's or the compiler's folder that has it, or empty */
};

struct link_job {
    const struct link_module *modules;
    size_t module_count;
    char **command;                 /* the link: compiler, -static, objects, -o FILE; ended by NULL */
    const char *registry;           /* libgraft-registry.a */
    const char *keep;               /* folder that keeps what was made on the way; NULL: none */
    bool leave_open;                /* what is nowhere defined is left to dlopen */
    const uint8_t *expected;        /* SHA-256 that the output must have; NULL: any */
    void (*progress)(void *arg, const char *what, size_t done, size_t of);
    void *arg;
};

struct link_result {
    struct link_missing *missing;
    size_t missing_count, names, modules, left_open;
    const char *output;             /* points into command */
    char *messages;                 /* the linker's own words where it failed, malloc'd */
    double seconds;                 /* of the linker alone */
};

/* -GRAFT_EAMBIG: two modules have one path; -GRAFT_EBUILDID: the output is not @expected.
 * 0; else nothing is where the output was to be that was not there before. The caller frees
 * the result with link_result_free in any case. -GRAFT_EINVAL: no -o in the command;
 * -GRAFT_EREFUSED: the link failed, messages and missing say why; and those of lift_write. */
int link_run(const struct link_job *, struct link_result *, struct graft_error *);
void link_result_free(struct link_result *);

#endif
