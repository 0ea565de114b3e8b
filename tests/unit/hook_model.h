/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOOK_MODEL_H
#define TESTS_HOOK_MODEL_H

/* Four hooks of serve in libserve1.so, and what must come of what is done with them. */

#include <stdbool.h>
#include <stddef.h>

#include <graft/hook.h>

enum { MODEL_HOOKS = 4 };

/* What the test has done; model_put_in and so on keep it up to date. */
struct model { bool in, on; int priority; unsigned age; };
extern struct model model[MODEL_HOOKS];
extern unsigned model_now;                          /* the age of the newest */

extern int (*const model_wrap[MODEL_HOOKS])(int);
extern int (*model_original[MODEL_HOOKS])(int);
extern size_t model_traced;                         /* wrappers called; a test may set it to 0 */

/* Opens four users, notes their answers, starts graft's watch. */
void model_open(void);

/* Calls all of them; the test fails unless the answers are those of before and the
 * wrappers were called in the order that the model tells. */
void model_check(void);

/* Hook @i with the model's priority; in with a priority, out, on or off. */
struct graft_hook model_hook(int i);
void model_put_in(int i, int priority);
void model_take_out(int i);
void model_turn(int i, bool on);

#endif
