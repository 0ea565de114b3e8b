/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_REMEMBER_JSON_H
#define GRAFT_ATTACH_REMEMBER_JSON_H

#include "attach/remember.h"

enum { REMEMBER_FORMAT = 1, REMEMBER_SIZE_MAX = 256 << 20 };

/* The file's text, from malloc; NULL: out of memory. */
char *remember_print(const struct remembered *, const struct process *);

/* Fills @remembered. -GRAFT_EFORMAT says what is wrong; nothing is believed then. */
int remember_parse(struct remembered *, const struct process *, const char *text, size_t size,
                   struct graft_error *);

/* Whether the text is such a file, written in that PID namespace. */
bool remember_is_from(const char *text, size_t size, const char *namespace);

#endif
