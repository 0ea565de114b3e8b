/* SPDX-License-Identifier: MIT */
/* libplug.so: opens libraries on others' behalf. Its RUNPATH alone finds libonly.so. */

#define _GNU_SOURCE
#include <dlfcn.h>

void *plug_open(const char *file, int mode);
void *plug_open_in(long space, const char *file, int mode);
int plug_close(void *handle);
const char *plug_next(void);

void *plug_open(const char *file, int mode) { return dlopen(file, mode); }
void *plug_open_in(long space, const char *file, int mode) { return dlmopen(space, file, mode); }
int plug_close(void *handle) { return dlclose(handle); }

/* Where RTLD_NEXT finds a name that this library defines as well. */
const char *where(void);
const char *where(void) { return "plug"; }
const char *plug_next(void)
{
    const char *(*next)(void) = (const char *(*)(void))dlsym(RTLD_NEXT, "where");
    return next ? next() : "nobody";
}
