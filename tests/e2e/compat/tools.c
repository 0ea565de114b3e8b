/* SPDX-License-Identifier: MIT */
/* Three tools wrap one function of a library. Each wrapper adds its letter, so that
 * the text shows who was called in which order, the innermost letter first. */
#include <stdio.h>
#include <string.h>

#include <gotcha/gotcha.h>

#include "libraries.h"

typedef void spell_type(char *);

#define TOOL(letter) \
    static gotcha_wrappee_handle_t letter##_handle; \
    static void letter##_wrapper(char *text) \
    { \
        ((spell_type *)gotcha_get_wrappee(letter##_handle))(text); \
        strcat(text, #letter); \
    } \
    static struct gotcha_binding_t letter##_bindings[] = { { "spell", (void *)letter##_wrapper, &letter##_handle } };

TOOL(a)
TOOL(b)
TOOL(c)

static void show(const char *what)
{
    char text[64] = "";
    spell(text);
    printf("%s: %s\n", what, text);
}

static int priority(const char *tool)
{
    int value = 12345;
    enum gotcha_error_t error = gotcha_get_priority(tool, &value);
    return error == GOTCHA_INVALID_TOOL ? -99 : value;
}

int main(void)
{
    show("plain");
    printf("unknown: %d\n", priority("A"));
    gotcha_wrap(a_bindings, 1, "A");
    gotcha_wrap(b_bindings, 1, "B");
    printf("default: %d %d\n", priority("A"), priority("B"));
    show("A then B, equal");
    gotcha_set_priority("A", 10);
    show("A 10");
    gotcha_set_priority("B", 20);
    show("A 10, B 20");
    gotcha_set_priority("A", 30);
    show("A 30, B 20");
    gotcha_set_priority("parent", 25);
    gotcha_wrap(c_bindings, 1, "parent/C");
    printf("from the parent: %d\n", priority("parent/C"));
    show("C 25 between");
    gotcha_set_priority("parent", 5);
    show("C 5");
    gotcha_set_priority("parent/C", 40);
    gotcha_set_priority("parent", 0);
    printf("its own: %d\n", priority("parent/C"));
    show("C 40");
    gotcha_set_priority("A", 10);
    show("A 10 again");
    gotcha_wrap(a_bindings, 1, "B");
    show("a's wrapper bound again for B");
    gotcha_unwrap("B");
    show("B gone");
    printf("no such tool: %d\n", gotcha_unwrap("D") == GOTCHA_INVALID_TOOL);
    gotcha_unwrap("A");
    gotcha_unwrap("parent/C");
    show("all gone");
    return 0;
}
