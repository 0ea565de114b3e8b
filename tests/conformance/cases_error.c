/* SPDX-License-Identifier: MIT */
/* dlerror: the wording, and whose it is. */
#include "conformance.h"

void case_error_open(void)
{
    static const char *const names[] = { "libnowhere.so", "/no/where.so", "./nowhere.so" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        say("  %s: %d\n", names[i], dlopen(names[i], RTLD_NOW) != NULL);
        say_error();
    }
    say("  beside the modules: %d\n", dlopen(path_of("nowhere.so"), RTLD_NOW) != NULL);
    say_error();
}

void case_error_symbol(void)
{
    void *handle = open_module("libstate.so", RTLD_NOW), *self = dlopen(NULL, RTLD_NOW);
    if (!handle)
        return;
    say("  in a module: %d\n", dlsym(handle, "no_such") != NULL);
    say_error();
    say("  an empty name: %d\n", dlsym(handle, "") != NULL);
    say_error();
    say("  in the program: %d\n", dlsym(self, "no_such") != NULL);
    say_error();
    say("  in RTLD_DEFAULT: %d\n", dlsym(RTLD_DEFAULT, "no_such") != NULL);
    say_error();
    say("  in RTLD_NEXT: %d\n", dlsym(RTLD_NEXT, "no_such") != NULL);
    say_error();
    say("  by a version: %d\n", dlvsym(handle, "no_such", "NO_1") != NULL);
    say_error();
    say("  by a version in RTLD_DEFAULT: %d\n", dlvsym(RTLD_DEFAULT, "no_such", "NO_1") != NULL);
    say_error();
}

void case_error_close(void)
{
    static char nothing[8192] __attribute__((aligned(64)));
    void *handle = open_module("libnodelete.so", RTLD_NOW);
    if (!handle)
        return;
    say_close(handle);
    say_close(handle);
    say_error();
    say_close(nothing);
    say_error();
}

void case_error_cleared(void)
{
    say_error();
    dlopen("/no/where.so", RTLD_NOW);
    say_error();
    say_error();
    dlopen("/no/where.so", RTLD_NOW);
    dlsym(RTLD_DEFAULT, "no_such");
    say_error();
    say_error();
    dlopen("/no/where.so", RTLD_NOW);
    say("  found: %d\n", dlsym(RTLD_DEFAULT, "main_value") != NULL);
    say_error();
}

static void *own_error(void *arg)
{
    (void)arg;
    say_error();
    dlopen("/another/thread.so", RTLD_NOW);
    say_error();
    say_error();
    dlopen("/never/read.so", RTLD_NOW);
    return NULL;
}

void case_error_thread(void)
{
    dlopen("/this/thread.so", RTLD_NOW);
    in_thread(own_error, NULL);
    say_error();
    say_error();
}

void case_error_info(void)
{
    void *handle = open_module("libstate.so", RTLD_NOW);
    long word[64];
    if (!handle)
        return;
    say("  unknown request: %d\n", dlinfo(handle, 4711, word));
    say_error();
    Dl_info info;
    say("  dladdr of nothing: %d\n", dladdr((void *)16, &info));
    say_error();
}
