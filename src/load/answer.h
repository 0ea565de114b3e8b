/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_ANSWER_H
#define GRAFT_LOAD_ANSWER_H

struct graft_error;

/* The program's dlopen and dlsym are watched for loads from now on. */
int answer_start(struct graft_error *);

#endif
