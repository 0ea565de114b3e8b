/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_PLACE_H
#define HOOKS_COMMON_PLACE_H

#include <stddef.h>

/* Where a code address is: the loaded object and the offset that addr2line takes. */
struct place {
    const char *path;               /* as the loader knows it; the program's own: its exe.
                                     * Lives as long as the object is loaded. NULL: unknown */
    size_t offset;
};

/* No lock, no allocation: good inside malloc and in a signal handler. */
struct place place_find(const void *address);

/* "libc.so.6+0x1234", or "0x7f…" for what lies in no object: fits any @size, cut if
 * need be, always ended. */
void place_name(char *name, size_t size, const void *address);

/* The path of the program, as the kernel knows it; "main" if it does not tell. */
const char *place_program(void);

/* The part after the last slash. */
const char *place_base(const char *path);

#endif
