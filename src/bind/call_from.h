/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BIND_CALL_FROM_H
#define GRAFT_BIND_CALL_FROM_H

#include <stddef.h>
#include <stdint.h>

/* Calls @function with three arguments so that its return address is @gadget, the
 * address of a return instruction in the object that is to look like the caller.
 * dlopen asks its return address for RUNPATH, $ORIGIN and the namespace.
 *
 *      stack inside @function:   [ gadget: ret ][ back to us ][ our frame ]
 */
uintptr_t call_from(const void *gadget, uintptr_t (*function)(uintptr_t, uintptr_t, uintptr_t),
                    uintptr_t a, uintptr_t b, uintptr_t c) __attribute__((visibility("hidden")));

/* Finds such an instruction in [@code, @code + @size); NULL if there is none. */
const void *call_from_gadget(const unsigned char *code, size_t size);

/* Whether returns may go through a gadget here: a shadow stack forbids it. */
int call_from_allowed(void);

#endif
