/* SPDX-License-Identifier: MIT */
/* Versions and indirect functions, by both interfaces. libold.so was linked against
 * which@V1, libnew.so against which@@V2; chosen() is an IFUNC whose choice is 7. */
#include <stdio.h>

#include "both.h"

WRAPPER(which, 100)
WRAPPER(chosen, 100)

static struct gotcha_binding_t bindings[] = {
    { "which", (void *)which_wrapper, &which_handle },
    { "chosen", (void *)chosen_wrapper, &chosen_handle },
};

static int replace(const char *library, const char *name, void *function)
{
    plthook_t *hook;
    int result = plthook_open(&hook, library);
    if (result == 0)
        result = plthook_replace(hook, name, function, (void **)&before);
    if (result != 0)
        return printf("%s: %s\n", name, plthook_error()), result;
    plthook_close(hook);
    return 0;
}

static void show(const char *what)
{
    printf("%s: old %d, new %d, chosen %d %d\n", what, ask_old(), ask_new(), chosen(), ask_chosen());
}

int main(int count, char **arguments)
{
    (void)arguments;
    if (count == 1)                 /* else: slots are met unresolved */
        show("plain");
    printf("wrap: %d\n", gotcha_wrap(bindings, 2, "tool"));
    show("wrapped");
    gotcha_unwrap("tool");
    show("unwrapped");
    replace("libold.so", "which", (void *)replacement);
    show("replaced in libold.so");
    replace("libold.so", "which", (void *)before);
    show("given back");
    replace("libnew.so", "which@V2", (void *)replacement);
    show("replaced which@V2 in libnew.so");
    void *real = (void *)before;
    printf("which@V1 in libnew.so: %d\n", replace("libnew.so", "which@V1", (void *)replacement));
    replace("libnew.so", "which@@V2", real);
    replace("libchooser.so", "chosen", (void *)replacement);
    show("replaced chosen in libchooser.so");
    replace("libchooser.so", "chosen", (void *)before);
    show("given back");
    return 0;
}
