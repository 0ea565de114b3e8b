/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_RECORD_H
#define GRAFT_LIFT_RECORD_H

/* Writes a lifted module's record (registry/record.h) into an object. */

#include "lift/module.h"
#include "lift/object.h"

struct record_parts {
    const struct lift_module *module;
    long base, tls;                 /* symbols: the first byte, the TLS block; tls -1: none */
    const long *segments;           /* symbols of the segments' own sections, which tell where each came to lie */
    const struct arena_list *late;  /* Elf64_Rela */
    bool lib, unique;
};

/* What other objects and the layout call a module's first byte and its TLS block. */
struct record_name { char text[64]; };
struct record_name record_base_name(const char *id);
struct record_name record_tls_name(const char *id);

/* 0, or -GRAFT_ENOMEM. */
int record_add(struct object *, const struct record_parts *);

#endif
