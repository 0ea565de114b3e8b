/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_REGISTRY_STATE_H
#define GRAFT_REGISTRY_STATE_H

/* All that the registry knows of a process: one struct a module, made once. A handle of
 * dlopen is the module's link_map, which comes first in it. */

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <graft/registry.h>

#include "registry/record.h"

struct module {
    struct link_map map;            /* l_name: the path; l_addr: what is added to link addresses */
    const struct graft_record *record;              /* NULL: by hand, or the main program */
    const struct graft_registry_module *hand;
    const char *path, *soname;      /* soname NULL: none */
    unsigned number;                /* in the order of registration */
    struct module *by_path, *by_soname, *by_base;   /* the next in the same bucket */

    /* IMAGE: out of the dynamic section, read at the first look */
    bool decoded;
    const uint32_t *gnu, *sysv;
    const Elf64_Sym *symbols;
    const char *strings;
    const uint16_t *versym;
    const Elf64_Verdef *verdef;
    bool symbolic;
    const struct graft_registry_symbol **sorted;    /* by hand: by name, made at the first look */

    /* while it is open */
    unsigned direct;                /* dlopen less dlclose */
    unsigned pending;               /* thread-local destructors that are still to run */
    bool open, global, nodelete, started, ever, mark;
    struct module **needed, **scope;                /* needed: direct ones; scope: breadth first, itself first */
    struct module **order;          /* the scope, what depends on others first, itself before all */
    size_t needed_count, scope_count;
    struct module *loader;          /* whose need brought it; NULL: dlopen */
    struct module **held;           /* whose symbols its words were given by dlopen */
    size_t held_count, held_room;
};

struct registry {
    struct module main;             /* the program itself */
    struct module library;          /* the C library's names in it, for libc.so.6 and its like */
    struct module **modules;
    size_t count, room;
    struct module *recorded;        /* those of the section, one behind the other */
    size_t recorded_count;          /* what follows in modules is by hand */
    struct module **path_bucket, **soname_bucket, **base_bucket;
    size_t buckets;                 /* a power of two */
    struct module **opened;         /* in order; the main program is not in it */
    size_t opened_count, opened_room;
    struct module **globals;        /* opened RTLD_GLOBAL, in order */
    size_t globals_count, globals_room;
    unsigned long long opens, closes;               /* dl_iterate_phdr's dlpi_adds and dlpi_subs */
    graft_registry_fallback *fallback;
    void *fallback_arg;
    int argc;
    char **argv;
    bool secure, debug_libs, debug_symbols;
    const char *library_path;       /* NULL: none, or not to be trusted */
};

/* Takes the lock, which the same thread may hold already, and sets the registry up at the
 * first call. */
struct registry *registry_enter(void);
void registry_leave(void);

/* Memory that stays, zeroed; NULL: none. */
void *registry_alloc(size_t size);

/* Appends to a growing list of modules; false: no memory. */
bool module_list_add(struct module ***list, size_t *count, size_t *room, struct module *);
void module_list_remove(struct module **list, size_t *count, const struct module *);

/* Adds a module to the tables. */
struct module *registry_register(struct registry *, const struct graft_record *, const struct graft_registry_module *);

/* find.c: which module a name means. NULL with the error set where it is ambiguous, else
 * *missing. main for the program's own libraries. */
struct module *module_find(struct registry *, const char *name, bool *missing);
struct module *module_find_needed(struct registry *, const char *name);

/* lookup.c */
struct found { struct module *module; void *address; const Elf64_Sym *symbol; };
bool module_lookup(struct module *, const char *name, const char *version, struct found *);
void module_decode(struct module *);
const char *module_base(const struct module *);     /* the first byte; NULL where there is no image */
bool module_holds(const struct module *, const void *address);
void *module_resolve(void *resolver);               /* of an IFUNC */

/* main_table.c */
/* @library: the C library's names only. */
bool main_lookup(const char *name, bool library, void **address);
bool main_nearest(const void *address, const char **name, void **start);

/* fresh.c: the pages of a module. 0, or an errno. */
int module_renew(struct module *);
int module_protect(struct module *, bool read_only);

/* life.c: all of these with the lock held. */
void modules_sort(struct module **list, size_t count, struct module **sorted);
void module_start(struct registry *, struct module *);
void modules_sweep(struct registry *);
void registry_at_exit(void);

/* late.c: words that dlopen fills. false: the error is set. */
bool module_relocate(struct registry *, struct module *, int flags);
void module_hold(struct module *, struct module *other);        /* keeps @other open as long as the first is */

/* open.c */
struct module *handle_module(struct registry *, void *handle);

/* address.c: the open module that holds the address, else the main program. */
struct module *module_of(struct registry *, const void *address);

/* error.c: what dlerror says, in glibc's words; @object may be empty. */
void error_say(const char *object, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_none(void);
const char *registry_program(const struct registry *);
void registry_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define EXPORT __attribute__((visibility("default")))

#endif
