/* SPDX-License-Identifier: MIT */
#ifndef DEMO_PYLOADER_H
#define DEMO_PYLOADER_H

/* What the consumer of the Python demos offers; hosts find it with dlsym. */

enum loader_answer { LOADER_OK, LOADER_NOT_INITIALISED, LOADER_RAISED };

/* What Py_IsInitialized says, where this library's slot for it leads. */
int loader_is_initialised(void);

/* Evaluates an integer expression in __main__. */
enum loader_answer loader_eval(const char *expression, long *value);

/* Compares what this library reaches with what the host knows of itself: the
 * addresses of None, of the type int and of the function PyNumber_Add. The
 * text is valid until the next call. */
const char *loader_describe(const void *none, const void *int_type, const void *add);

#endif
