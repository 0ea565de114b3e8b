/* SPDX-License-Identifier: MIT */
/* plthook as its documentation's readers use it: one library's calls, the other one's
 * are left; lists; back to the very bytes; a chain; what is wrong is said. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <plthook.h>

#include "libraries.h"

static number_type *before_first, *before_second;

static int first(void)
{
    return 100 + before_first();
}

static int second(void)
{
    return 1000 + before_second();
}

static plthook_t *opened(int result, plthook_t *hook)
{
    if (result == PLTHOOK_SUCCESS)
        return hook;
    printf("open: %d %s\n", result, plthook_error());
    exit(1);
}

static plthook_t *open_named(const char *name)
{
    plthook_t *hook;
    int result = plthook_open(&hook, name);
    return opened(result, hook);
}

/* The slot of @name, and how often it is listed. */
static void **slot_of(plthook_t *hook, const char *name, int *protection)
{
    unsigned int at = 0;
    const char *listed;
    void **address, **found = NULL;
    while (plthook_enum_with_prot(hook, &at, &listed, &address, protection) == 0)
        if (!strcmp(listed, name)) {
            found = address;
            break;
        }
    return found;
}

static void list(plthook_t *hook)
{
    unsigned int at = 0;
    plthook_entry_t entry;
    while (plthook_enum_entry(hook, &at, &entry) == 0)
        if (entry.name[0] != '_' && entry.addr)
            printf(" %s", entry.name);
    printf(", then %d\n", plthook_enum_entry(hook, &at, &entry));
}

static void show(const char *what)
{
    printf("%s: main %d, one %d, two %d\n", what, number(), ask_one(), ask_two());
}

static void check(const char *what, int result)
{
    printf("%s: %d%s%s\n", what, result, result ? " " : "", result && *plthook_error() ? "(said)" : "");
}

static void errors(plthook_t *hook)
{
    plthook_t *none;
    check("not loaded", plthook_open(&none, "libnosuch.so.7"));
    check("no handle", plthook_open_by_handle(&none, NULL));
    check("no address", plthook_open_by_address(&none, NULL));
    check("no function", plthook_replace(hook, "no_such_function", (void *)first, NULL));
    check("a prefix is no name", plthook_replace(hook, "numb", (void *)first, NULL));
    check("no such version", plthook_replace(hook, "number@V9", (void *)first, NULL));
    check("no object", plthook_replace(NULL, "number", (void *)first, NULL));
}

int main(int count, char **arguments)
{
    if (count == 1)                 /* else: slots are met unresolved */
        show("plain");
    int protection = 0;
    plthook_t *one = open_named("libone.so");
    printf("libone.so:");
    list(one);
    void **slot = slot_of(one, "number", &protection);
    void *bytes = *slot;
    printf("readable: %d\n", (protection & PROT_READ) != 0);
    check("replace", plthook_replace(one, "number", (void *)first, (void **)&before_first));
    printf("the slot holds it: %d\n", *slot == (void *)first);
    show("replaced in one");
    check("again", plthook_replace(one, "number", (void *)first, (void **)&before_first));
    show("nothing new");
    check("a second one", plthook_replace(one, "number", (void *)second, (void **)&before_second));
    printf("over the first: %d\n", before_second == first);
    show("chained");
    check("give the second back", plthook_replace(one, "number", (void *)before_second, NULL));
    show("the first alone");
    check("the second again", plthook_replace(one, "number", (void *)second, (void **)&before_second));
    void *top = NULL;
    check("give all back", plthook_replace(one, "number", (void *)before_first, &top));
    printf("it was the second: %d\n", top == (void *)second);
    printf("the very bytes: %d\n", *slot == bytes);
    show("given back");
    plthook_close(one);

    plthook_t *program = open_named(NULL);
    plthook_replace(program, "number", (void *)first, (void **)&before_first);
    plthook_close(program);
    show("replaced in the program");
    void *handle = dlopen("libtwo.so", RTLD_LAZY | RTLD_NOLOAD);
    plthook_t *two;
    opened(plthook_open_by_handle(&two, handle), NULL);
    plthook_replace(two, "number", (void *)second, (void **)&before_second);
    show("replaced in two, too");
    plthook_close(two);
    opened(plthook_open_by_address(&two, dlsym(handle, "ask_two")), NULL);
    plthook_replace(two, "number", (void *)before_second, NULL);
    show("two by address, given back");
    opened(plthook_open_by_handle(&program, dlopen(NULL, RTLD_LAZY)), NULL);
    plthook_replace(program, "number", (void *)before_first, NULL);
    show("the program by handle, given back");
    (void)arguments;
    errors(two);
    plthook_close(two);
    plthook_close(program);
    plthook_close(NULL);
    return 0;
}
