/* SPDX-License-Identifier: MIT */
/* libearly.so: its constructor opens a library that only its own RUNPATH finds, and
 * looks whether a backtrace reaches the program. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <string.h>

const char *early_found = "no";
int early_sees_program;

__attribute__((constructor)) static void open_early(void)
{
    void *frames[64];
    int depth = backtrace(frames, 64);
    for (int i = 0; i < depth; i++) {
        Dl_info info;
        early_sees_program |= dladdr(frames[i], &info) && strstr(info.dli_fname, "program") != NULL;
    }
    void *handle = dlopen("libonly.so", RTLD_NOW);
    const char *(*only)(void) = handle ? (const char *(*)(void))dlsym(handle, "only") : NULL;
    early_found = only ? only() : dlerror();
}
