/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_SCAN_H
#define GRAFT_LIFT_SCAN_H

/* What a folder, a file, a package or a list of Python distributions would bring into a
 * static executable. */

#include <stdbool.h>

#include <graft/graft.h>

#include "lift/list.h"
#include "lift/module.h"
#include "plan/world.h"

struct scan_open { const char *name, *library; };      /* library: of the closure that has it; NULL: none */

struct scan_module {
    const char *path, *name;        /* name: as Python imports it, else the file's */
    bool is_library;                /* it came as a need of another */
    bool can_lift;
    char why[400];                  /* why not; empty where it can */
    struct lift_module module;      /* open where can_lift */
    const char **needed, **found;   /* found: the file, NULL: none */
    size_t needed_count, imports, exports;
    uint64_t size, tls_size;
    unsigned tls_kinds;             /* SCAN_TLS_* */
    char glibc[32];                 /* the newest GLIBC_x that it wants */
    struct arena_list open;         /* scan_open: names that a static link would lack */
};

enum { SCAN_TLS_DYNAMIC = 1, SCAN_TLS_INITIAL = 2, SCAN_TLS_DESCRIPTOR = 4 };

struct scan {
    struct arena arena;
    struct world world;
    struct arena_list modules;      /* scan_module */
    struct arena_list missing;      /* const char *: distributions that are not installed */
    struct arena_list distributions;        /* scan_distribution */
    const struct module_list *list; /* NULL: everything */
    const char *site;               /* a folder to look for distributions in, before the usual ones; NULL: none */
    const char *temporary;          /* where packages are unpacked; NULL: not needed */
    void *against;                  /* names of archives */
};

struct scan_distribution { const char *name, *imports; };

void scan_init(struct scan *);
void scan_close(struct scan *);

/* Adds what a word of the command line means: a folder, a shared object or a program with
 * what it needs, a .deb file, a text file of requirements, the name of a Debian package.
 * -GRAFT_ENOOBJ: nothing of that name. */
int scan_add(struct scan *, const char *what, struct graft_error *);

/* Names that an archive has: with any, those of the C library count only if one has them. */
int scan_add_archive(struct scan *, const char *path, struct graft_error *);

/* Finds needs and judges every module. */
int scan_finish(struct scan *, struct graft_error *);

/* scan_python.c: distributions by name. Adds the extension modules of one; false: it is
 * not installed. */
bool scan_distribution_add(struct scan *, const char *name);
int scan_requirements(struct scan *, const char *path, struct graft_error *);
int scan_file(struct scan *, const char *path, struct graft_error *);
int scan_folder(struct scan *, const char *path);
const char *scan_import_name(struct scan *, const char *path);

#endif
