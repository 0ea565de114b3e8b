/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LIFT_OUTPUT_H
#define GRAFT_LIFT_OUTPUT_H

/* A file that comes into being whole or not at all: written beside, then renamed. */

#include <graft/graft.h>

struct output {
    const char *path;
    char beside[4096];
    int file;                       /* for reading and writing */
};

/* Creates the file beside @path, which must stay valid. -GRAFT_ESYS. */
int output_open(struct output *, const char *path, struct graft_error *);

/* With @result 0 renames it, else takes it away; returns the first failure. */
int output_close(struct output *, int result, struct graft_error *);

#endif
