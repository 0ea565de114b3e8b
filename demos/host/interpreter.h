/* SPDX-License-Identifier: MIT */
#ifndef DEMO_INTERPRETER_H
#define DEMO_INTERPRETER_H

/* The host's interpreter, wherever a demo puts it: in a plugin, in a namespace
 * of its own, in the executable. */

/* What the host itself holds to be None, int and PyNumber_Add. */
struct interpreter {
    const void *none, *int_type, *add;
};

/* Starts Python and sets x = 41 in __main__. 0, or -1. */
int interpreter_start(struct interpreter *);

/* Ends Python. 0, or -1 if that went wrong. */
int interpreter_stop(void);

#endif
