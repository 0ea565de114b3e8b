/* SPDX-License-Identifier: MIT */
/* Both interfaces on one function: a replacement for one object comes before the tools
 * that wrap for all; each may go in any order, and what the program was handed once
 * stays what it calls. */
#include <stdio.h>

#include "both.h"

WRAPPER(a, 10)
WRAPPER(b, 100)

static struct gotcha_binding_t a[] = { { "number", (void *)a_wrapper, &a_handle } };
static struct gotcha_binding_t b[] = { { "number", (void *)b_wrapper, &b_handle } };

static void show(const char *what)
{
    printf("%s: main %d, one %d, two %d\n", what, number(), ask_one(), ask_two());
}

int main(void)
{
    plthook_t *one;
    if (plthook_open(&one, "libone.so"))
        return printf("%s\n", plthook_error());
    for (int round = 0; round < 2; round++) {
        gotcha_wrap(a, 1, "A");
        show("A");
        plthook_replace(one, "number", (void *)replacement, (void **)&before);
        show("replaced in one");
        gotcha_wrap(b, 1, "B");
        show("B");
        gotcha_unwrap("A");
        show("A gone");
        plthook_replace(one, "number", (void *)before, NULL);
        show("given back");
        gotcha_unwrap("B");
        show("B gone");
    }
    plthook_close(one);
    return 0;
}
