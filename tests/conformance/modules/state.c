/* SPDX-License-Identifier: MIT */
/* Data, zeroed data and pointers, which a new opening must find as at first. */
#include "module.h"
static int data = 7, bss, array[3] = { 1, 2, 3 };
static int *pointer = &array[1];
static const char *text = "first";
static char zeroes[20000];
static const char *const names[] = { "relro" };
int state_print(void)
{
    int sum = 0;
    for (unsigned i = 0; i < sizeof zeroes; i++)
        sum += zeroes[i];
    say("  data %d, bss %d, array %d, pointer %d, text %s, zeroes %d, %s\n", data, bss, array[0], *pointer, text, sum, names[0]);
    return 0;
}
int state_change(void)
{
    data = 8, bss = 9, array[0] = 10, pointer = &array[2], text = "changed";
    zeroes[0] = zeroes[19999] = 1;
    return 0;
}
