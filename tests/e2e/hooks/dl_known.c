/* SPDX-License-Identifier: MIT */
/* Opens, looks up, closes and fails; prints what the loader told it, which must be the
 * same with hooks/dl and without. Its RUNPATH, which the loader takes from the caller,
 * leads to the libraries. Invariant: every call's answer and error text is printed. */

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void tell(const char *what, const void *result)
{
    char text[4000];
    const char *error = dlerror();
    snprintf(text, sizeof text, "%s", error ? error : "no error");
    const char *again = dlerror();
    printf("%s: %s; %s; %s\n", what, result ? "yes" : "no", text, again ? again : "no error");
}

static void *open_missing(void *arg)
{
    void *handle = dlopen(arg, RTLD_NOW);
    tell(arg, handle);
    return NULL;
}

/* A failure is told to the thread that failed. */
static void fail_in_threads(void)
{
    pthread_t thread;
    void *handle = dlopen("libmissing-main.so", RTLD_NOW);
    pthread_create(&thread, NULL, open_missing, "libmissing-thread.so");
    pthread_join(thread, NULL);
    tell("libmissing-main.so", handle);
}

/* The next call of the family, a good one too, ends an error that nobody asked for. */
static void forget(void *handle)
{
    struct link_map *map;
    dlopen("libforgotten.so", RTLD_NOW);
    tell("dlsym after a failure", dlsym(handle, "part_1"));
    dlopen("libforgotten.so", RTLD_NOW);
    tell("dlinfo after a failure", dlinfo(handle, RTLD_DI_LINKMAP, &map) ? NULL : map);
    dlopen("libforgotten.so", RTLD_NOW);
    tell("dlsym that fails after a failure", dlsym(handle, "no_such_symbol"));
    dlopen("libforgotten.so", RTLD_NOW);
    tell("dlinfo that fails after a failure", dlinfo(handle, 12345, &map) ? NULL : map);
    dlopen("libforgotten.so", RTLD_NOW);
    void *program = dlopen(NULL, RTLD_NOW);
    tell("dlopen after a failure", program);
    dlopen("libforgotten.so", RTLD_NOW);
    tell("dlclose after a failure", dlclose(program) ? NULL : program);
}

static void long_name(void)
{
    static char name[3000];
    memset(name, 'x', sizeof name - 1);
    memcpy(name, "/long/", 6);
    tell("a long name", dlopen(name, RTLD_LAZY));
}

int main(void)
{
    Lmid_t space = 0;
    void *handle = dlopen("libdl_part1.so", RTLD_NOW | RTLD_LOCAL);
    tell("part 1", handle);
    int (*part)(void) = (int (*)(void))dlsym(handle, "part_1");
    tell("part_1", (void *)part);
    printf("part 1 says %d\n", part ? part() : -1);
    tell("not loaded", dlopen("libdl_part3.so", RTLD_LAZY | RTLD_NOLOAD));
    tell("the program", dlopen(NULL, RTLD_LAZY | RTLD_GLOBAL));
    tell("wrong flags", dlopen("libdl_part2.so", 0x40));
    tell("dlvsym", dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_2.14"));
    tell("dlvsym", dlvsym(RTLD_DEFAULT, "memcpy", "GLIBC_9.99"));
    tell("RTLD_NEXT", dlsym(RTLD_NEXT, "main"));
    fail_in_threads();
    forget(handle);
    long_name();
    void *nested = dlopen("libdl_part3.so", RTLD_LAZY);
    tell("part 3", nested);
    void *apart = dlmopen(LM_ID_NEWLM, "libdl_part1.so", RTLD_NOW);
    tell("dlmopen", apart);
    printf("namespace %ld\n", apart && !dlinfo(apart, RTLD_DI_LMID, &space) ? (long)space : -1);
    printf("closed: %d\n", dlclose(nested));
    printf("closed: %d\n", dlclose(apart));
    printf("closed: %d\n", dlclose(handle));
    tell("gone", dlopen("libdl_part1.so", RTLD_LAZY | RTLD_NOLOAD));
    return 0;
}
