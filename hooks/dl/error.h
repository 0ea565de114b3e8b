/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_DL_ERROR_H
#define HOOKS_DL_ERROR_H

#include <stdbool.h>

/* The loader tells a failure once, to whoever asks dlerror first. This library asks,
 * and keeps the text for the program, thread by thread. */
extern char *(*next_dlerror)(void);

/* In start(). */
bool error_start(void);

/* A call of the dl family begins, which forgets the failure before. */
void error_forget(void);

/* After a failure: its text, which the program's dlerror will answer too; or NULL if
 * the loader has none. Good until this thread's next failure. */
const char *error_look(void);

/* The replacement. */
char *my_dlerror(void);

#endif
