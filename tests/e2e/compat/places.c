/* SPDX-License-Identifier: MIT */
/* Which object is meant, where names alone do not tell: two libraries define the same
 * function, one is loaded twice, one lies at a path full of what globs mean, one in
 * another namespace, one is closed and opened again, one is closed that a slot leads
 * to. The folder is the argument. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gotcha/gotcha.h>
#include <plthook.h>

typedef int number_type(void);
static number_type *before, *first, *second, *odd, *other_space;
static gotcha_wrappee_handle_t handle;
static const char *folder;

static int replacement(void)
{
    return 100 + before();
}

static int wrapper(void)
{
    return 1000 + ((number_type *)gotcha_get_wrappee(handle))();
}

static struct gotcha_binding_t bindings[] = { { "shared_name", (void *)wrapper, &handle } };

static void *open_in(const char *name, int namespaced)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    void *library = namespaced ? dlmopen(LM_ID_NEWLM, path, RTLD_NOW) : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        printf("%s\n", dlerror());
        exit(1);
    }
    return library;
}

static void show(const char *what)
{
    printf("%s: %d %d %d %d\n", what, first(), second(), odd(), other_space());
}

static void replace(const char *what, void *library, const char *name)
{
    plthook_t *hook;
    if (plthook_open_by_handle(&hook, library) || plthook_replace(hook, name, (void *)replacement, (void **)&before))
        printf("%s\n", plthook_error());
    show(what);
    if (plthook_replace(hook, name, (void *)before, NULL))
        printf("%s\n", plthook_error());
    plthook_close(hook);
}

/* A table of pointers is no slot of the PLT, and leads to the same function. */
static void reopen(void)
{
    plthook_t *hook;
    void *library = open_in("libtable.so", 0);
    if (plthook_open(&hook, "libtable.so") || plthook_replace(hook, "number", (void *)replacement, (void **)&before))
        printf("%s\n", plthook_error());
    plthook_close(hook);
    for (int round = 0; round < 2; round++) {
        number_type *by_call = (number_type *)dlsym(library, "by_call");
        number_type *by_table = (number_type *)dlsym(library, "by_table");
        printf("round %d: %d %d\n", round, by_call(), by_table());
        dlclose(library);
        library = open_in("libtable.so", 0);
    }
    number_type *by_call = (number_type *)dlsym(library, "by_call");
    plthook_open_by_handle(&hook, library);
    before = NULL;
    printf("asked again: %d", plthook_replace(hook, "number", (void *)replacement, (void **)&before));
    printf(" %d\n", by_call());
    plthook_replace(hook, "number", (void *)before, NULL);
    printf("given back: %d\n", by_call());
    plthook_close(hook);
}

/* A replacement that lies in a library that is closed is no replacement any more. */
static void close_replacement(void)
{
    plthook_t *hook;
    void *table = open_in("libtable.so", 0), *plugin = open_in("libplugin.so", 0);
    number_type *by_call = (number_type *)dlsym(table, "by_call");
    plthook_open_by_handle(&hook, table);
    plthook_replace(hook, "number", dlsym(plugin, "ninety"), (void **)&before);
    printf("by the plugin: %d", by_call());
    dlclose(plugin);
    printf(", closed: %d", by_call());
    plthook_replace(hook, "number", (void *)replacement, (void **)&before);
    printf(", by us: %d", by_call());
    plthook_replace(hook, "number", (void *)before, NULL);
    printf(", given back: %d\n", by_call());
    plthook_close(hook);
}

int main(int count, char **arguments)
{
    folder = arguments[count - 1];
    void *library[4] = { open_in("libfirst.so", 0), open_in("libsecond.so", 0), open_in("a,[b]*c?/libsecond.so", 0),
                         open_in("libsecond.so", 1) };
    first = (number_type *)dlsym(library[0], "ask");
    second = (number_type *)dlsym(library[1], "ask");
    odd = (number_type *)dlsym(library[2], "ask");
    other_space = (number_type *)dlsym(library[3], "ask");
    show("plain");
    replace("the first", library[0], "shared_name");
    replace("the second", library[1], "shared_name");
    replace("the odd one", library[2], "shared_name");
    replace("the other namespace", library[3], "shared_name");
    show("given back");
    gotcha_wrap(bindings, 1, "tool");
    show("wrapped");
    gotcha_unwrap("tool");
    show("unwrapped");
    reopen();
    close_replacement();
    return 0;
}
