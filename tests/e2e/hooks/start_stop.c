/* SPDX-License-Identifier: MIT */
/* A program that starts a hook library itself, with libgraft, stops it, starts it again,
 * and closes it: one report for each time, of that time. start_stop LIBRARY ARGUMENTS */

#include <dlfcn.h>
#include <graft/hook.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;

static int run(const struct graft_hook_library *library, const char *arguments, size_t size)
{
    struct graft_error error = { 0 };
    if (graft_hooks_start(library, arguments, &error))
        return fprintf(stderr, "start: %s\n", error.text);
    kept = malloc(size);
    if (graft_hooks_start(library, arguments, &error) != -GRAFT_ESTATE)
        return fprintf(stderr, "it started twice\n");
    if (graft_hooks_stop(library, &error))
        return fprintf(stderr, "stop: %s\n", error.text);
    free(kept);
    free(malloc(777));                          /* told by nobody */
    return 0;
}

int main(int count, char **arguments)
{
    void *handle = count > 2 ? dlopen(arguments[1], RTLD_NOW) : NULL;
    const struct graft_hook_library *library = handle ? dlsym(handle, "graft_hook_library") : NULL;
    if (!library || run(library, arguments[2], 1001) || run(library, arguments[2], 1002))
        return 1;
    if (dlclose(handle))
        return 2;
    pid_t child = fork();                       /* no handler of the closed library runs */
    if (!child)
        _exit(0);
    int status = 1;
    waitpid(child, &status, 0);
    return status;
}
