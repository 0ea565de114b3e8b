/* SPDX-License-Identifier: MIT */
/* Asks graft to load a library, and says what came of it: the test's library is here
 * already, so that its constructors have run. Built apart from what it loads. */
#include <dlfcn.h>
#include <graft/load.h>
#include <stdio.h>

const char *load_again(const char *path);

const char *load_again(const char *path)
{
    static char text[1000];
    struct graft_error error = { 0 };
    void *handle = NULL;
    int result = graft_load(path, RTLD_NOW | RTLD_DEEPBIND, NULL, &handle, &error);
    snprintf(text, sizeof text, "%s %s: %s", result == -GRAFT_EREFUSED ? "refused" : graft_strerror(result),
             handle ? "with a handle" : "without a handle", error.text);
    return text;
}
