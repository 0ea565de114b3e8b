/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_CALLER_H
#define GRAFT_BIND_CALLER_H

#include <stdint.h>

/* The functions of the loader that are watched. */
enum watched { DLOPEN, DLMOPEN, DLCLOSE, WATCHED };

enum { CALLER_SPACES = 16 };        /* DL_NNS of glibc */

/* Calls the real function with three arguments, as code at @from would have. */
uintptr_t caller_call(void *from, enum watched, uintptr_t a, uintptr_t b, uintptr_t c);

/* The real function of a namespace: each has a libc of its own, whose dlerror is to
 * speak of its calls. */
uintptr_t caller_real(unsigned space, enum watched);

/* Notes the real function of a namespace below CALLER_SPACES. */
void caller_learn(unsigned space, enum watched, uintptr_t address);

#endif
