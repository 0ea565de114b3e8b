/* SPDX-License-Identifier: MIT */
/* Functions that are not there when they are wrapped, pointers from dlsym, and what
 * an unresolvable name does to the others of its table. */
#include <dlfcn.h>
#include <stdio.h>

#include <gotcha/gotcha.h>

#include "libraries.h"

static gotcha_wrappee_handle_t late_handle, number_handle, data_handle;

static int late_wrapper(void)
{
    return 1000 + ((number_type *)gotcha_get_wrappee(late_handle))();
}

static int number_wrapper(void)
{
    return 100 + ((number_type *)gotcha_get_wrappee(number_handle))();
}

static struct gotcha_binding_t bindings[] = {
    { "late_number", (void *)late_wrapper, &late_handle },
    { "number", (void *)number_wrapper, &number_handle },
};

static struct gotcha_binding_t spoiled[] = {
    { "a_variable", (void *)late_wrapper, &data_handle },
    { "number", (void *)number_wrapper, &number_handle },
};

static number_type *find(void *library, const char *name)
{
    return (number_type *)dlsym(library, name);
}

int main(int count, char **arguments)
{
    char path[4200];
    int result = gotcha_wrap(bindings, 2, "tool");
    printf("not found: %d\n", result == GOTCHA_FUNCTION_NOT_FOUND);
    printf("no wrappee yet: %d\n", late_handle && !gotcha_get_wrappee(late_handle));
    printf("the other one is wrapped: %d\n", number());
    snprintf(path, sizeof path, "%s/liblatenumber.so", arguments[count - 1]);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return printf("%s\n", dlerror());
    printf("has come: %d\n", gotcha_get_wrappee(late_handle) != NULL);
    printf("dlsym: %d\n", find(library, "late_number")());
    snprintf(path, sizeof path, "%s/liblatecaller.so", arguments[count - 1]);
    void *caller = dlopen(path, RTLD_NOW);
    if (!caller)
        return printf("%s\n", dlerror());
    printf("a late caller: %d\n", find(caller, "ask_late")());
    printf("dlsym of one that was there: %d, RTLD_DEFAULT: %d\n", find(caller, "number")(), find(RTLD_DEFAULT, "number")());
    result = gotcha_wrap(bindings, 2, "tool");
    printf("found now: %d, %d\n", result == GOTCHA_SUCCESS, find(caller, "ask_late")());
    gotcha_unwrap("tool");
    printf("unwrapped: %d %d %d\n", number(), find(caller, "ask_late")(), find(library, "late_number")());
    result = gotcha_wrap(spoiled, 2, "tool");
    printf("data is no function: %d, the other one is wrapped: %d\n", result == GOTCHA_FUNCTION_NOT_FOUND, number());
    return 0;
}
