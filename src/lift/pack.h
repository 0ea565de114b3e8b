/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_PACK_H
#define GRAFT_LIFT_PACK_H

/* Objects mode: the objects of a module become one object that dlopen finds, with no
 * global name left but those that are shared on purpose. */

#include <stddef.h>

#include <graft/graft.h>

struct pack_job {
    const char *const *inputs;      /* objects and archives, the latter whole */
    size_t input_count;
    const char *output;
    const char *path, *soname;      /* what dlopen, dladdr call it; soname NULL: none */
    const char *like;               /* a shared object whose exports, soname and needs it has; NULL: its own */
    const char *const *shared;      /* names that stay global */
    size_t shared_count;
    const char *compiler;           /* runs the relocatable link, and makes LTO objects real */
};

struct pack_result { size_t exports, constructors; char *messages; };

/* @messages: the linker's words where it failed; the caller frees it. -GRAFT_EREFUSED,
 * -GRAFT_EFORMAT, -GRAFT_ESYS, -GRAFT_ENOMEM. */
int pack_run(const struct pack_job *, struct pack_result *, struct graft_error *);

#endif
