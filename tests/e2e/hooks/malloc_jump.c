/* SPDX-License-Identifier: MIT */
/* A reallocarray that leaves by longjmp: the guard that hooks/malloc holds around it
 * stays behind, and must be no obstacle to the next realloc. -DPART=1: the library that
 * calls through a slot; else the program, which defines the function and exports it. */

#include <setjmp.h>
#include <stdlib.h>

void part_calls(void);

#if PART

void part_calls(void)
{
    free(reallocarray(NULL, 77, 1));
}

#else

static jmp_buf back;
static void *volatile kept;

void *reallocarray(void *memory, size_t members, size_t size)
{
    (void)memory, (void)members, (void)size;
    longjmp(back, 1);
}

int main(void)
{
    if (!setjmp(back))
        part_calls();
    kept = realloc(NULL, 1000);
    return 0;
}

#endif
