/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_NAMES_H
#define GRAFT_LIFT_NAMES_H

/* The names of a module in its object: local ones for gdb and perf, which bind nothing, and
 * with @lib what it exports as global ones. */

#include "lift/module.h"
#include "lift/object.h"

/* Sections of the object. */
struct names_places {
    const long *section, *bss;      /* of each segment; bss -1: none */
    long tdata;                     /* -1: none */
    bool lib;
};

struct names_found { size_t exports; bool unique; };    /* unique: it defines STB_GNU_UNIQUE symbols */

struct names_found names_add(struct object *, const struct lift_module *, const struct names_places *);

#endif
