/* SPDX-License-Identifier: MIT */
/* A tool that is preloaded into a program that knows nothing of it: its constructor
 * wraps opendir, and dlopen, which graft itself watches. */
#include <dirent.h>
#include <stdio.h>

#include <gotcha/gotcha.h>

typedef DIR *opendir_type(const char *);
typedef void *dlopen_type(const char *, int);
static gotcha_wrappee_handle_t opendir_handle, dlopen_handle, late_handle;

static DIR *opendir_wrapper(const char *path)
{
    fprintf(stderr, "opendir %s\n", path);
    return ((opendir_type *)gotcha_get_wrappee(opendir_handle))(path);
}

static void *dlopen_wrapper(const char *path, int mode)
{
    fprintf(stderr, "dlopen\n");
    return ((dlopen_type *)gotcha_get_wrappee(dlopen_handle))(path, mode);
}

static int late_wrapper(void)
{
    return 1000 + ((int (*)(void))gotcha_get_wrappee(late_handle))();
}

static struct gotcha_binding_t bindings[] = {
    { "opendir", (void *)opendir_wrapper, &opendir_handle },
    { "dlopen", (void *)dlopen_wrapper, &dlopen_handle },
    { "late_number", (void *)late_wrapper, &late_handle },
};

__attribute__((constructor))
static void start(void)
{
    gotcha_wrap(bindings, sizeof bindings / sizeof *bindings, "preloaded");
}
