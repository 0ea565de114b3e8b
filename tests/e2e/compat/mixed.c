/* SPDX-License-Identifier: MIT */
/* Both interfaces on one function: a replacement for one object comes before the tools
 * that wrap for all; each may go in any order, and what the program was handed once
 * stays what it calls. */
#include <stdio.h>

#include <gotcha/gotcha.h>
#include <plthook.h>

#ifdef __cplusplus
extern "C" {
#endif
int number(void);
int ask_one(void);
int ask_two(void);
#ifdef __cplusplus
}
#endif

typedef int number_type(void);
static gotcha_wrappee_handle_t a_handle, b_handle;
static number_type *before;

static int a_wrapper(void)
{
    return 10 + ((number_type *)gotcha_get_wrappee(a_handle))();
}

static int b_wrapper(void)
{
    return 100 + ((number_type *)gotcha_get_wrappee(b_handle))();
}

static int replacement(void)
{
    return 1000 + before();
}

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
