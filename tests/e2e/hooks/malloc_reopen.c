/* SPDX-License-Identifier: MIT */
/* Two libraries that are loaded at the same address, one after the other was closed:
 * their allocations have the same return address and must not be put down to one.
 * -DPART=1: the library, built twice under two names; else the program, which says
 * whether the addresses were the same. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#if PART

void *part_allocates(size_t size)
{
    void *volatile memory = malloc(size);
    return memory;
}

#else

static void *volatile kept;

static void *use(const char *path, size_t size)
{
    void *handle = dlopen(path, RTLD_NOW);
    void *(*allocates)(size_t) = handle ? (void *(*)(size_t))dlsym(handle, "part_allocates") : NULL;
    if (!allocates)
        exit(2);
    kept = allocates(size);
    dlclose(handle);
    return (void *)allocates;
}

int main(void)
{
    use("./libfirst.so", 1111);                     /* whoever watches gets memory of its own */
    void *second = use("./libsecond.so", 2222);
    void *third = use("./libfirst.so", 3333);
    void *fourth = use("./libsecond.so", 4444);
    puts(second == third && third == fourth ? "the same address" : "other addresses");
    return 0;
}

#endif
