/* SPDX-License-Identifier: MIT */
/* Filters: who calls number() decides whether the wrapper is reached. callers/lib*.so
 * each have a function that calls it; some are opened only after the wrapping. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <gotcha/gotcha.h>

#include "libraries.h"

static gotcha_wrappee_handle_t handle;
static const char *folder;

static int wrapper(void)
{
    return 100 + ((number_type *)gotcha_get_wrappee(handle))();
}

static struct gotcha_binding_t bindings[] = { { "number", (void *)wrapper, &handle } };

static int is_two_or_late(struct link_map *map)
{
    return strstr(map->l_name, "libtwo.so") || strstr(map->l_name, "liblate");
}

/* Opens a library, and asks its ask(). */
static int ask_late(const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    void *library = dlopen(path, RTLD_LAZY);
    if (!library)
        return printf("%s\n", dlerror());
    int answer = ((number_type *)dlsym(library, "ask"))();
    dlclose(library);
    return answer;
}

static void show(const char *what)
{
    gotcha_wrap(bindings, 1, "tool");
    printf("%s: main %d, one %d, two %d, late %d, other %d\n", what, number(), ask_one(), ask_two(),
           ask_late("liblate.so"), ask_late("libother.so"));
    gotcha_unwrap("tool");
}

int main(int count, char **arguments)
{
    folder = arguments[count - 1];
    show("all");
    gotcha_filter_libraries_by_name("libone.so");
    show("by name");
    gotcha_filter_libraries_by_name("/filters");
    show("the program has no name");
    gotcha_set_library_filter_func(is_two_or_late);
    show("by function");
    gotcha_only_filter_last();
    char path[4200];
    snprintf(path, sizeof path, "%s/liblast.so", folder);
    void *last = dlopen(path, RTLD_NOW);
    show("only the last");
    printf("the last: %d\n", (gotcha_wrap(bindings, 1, "tool"), ((number_type *)dlsym(last, "ask"))()));
    gotcha_restore_library_filter_func();
    printf("restored: %d\n", (gotcha_wrap(bindings, 1, "tool"), number()));
    return 0;
}
