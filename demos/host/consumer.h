/* SPDX-License-Identifier: MIT */
#ifndef DEMO_CONSUMER_H
#define DEMO_CONSUMER_H

#include "interpreter.h"

/* Opens the consumer with these flags, prints what it reaches as compared with
 * @interpreter, and closes it. If the environment has DEMO_DUPLICATE, a file's
 * path, also prints how often that is mapped. 0, or -1 after a message. */
int consumer_show(const char *path, int flags, const struct interpreter *);

/* dlerror on standard error; returns -1. */
int dl_failed(void);

#endif
