/* SPDX-License-Identifier: MIT */
/* libother.so: another preloaded library, whose answers must stay its own. */

#include <sys/types.h>

pid_t getppid(void);
pid_t getppid(void) { return 4711; }
