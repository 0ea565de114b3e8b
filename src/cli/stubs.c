/* SPDX-License-Identifier: MIT */
/* graft stubs: empty files where an interpreter looks for its extension modules before
 * it asks dlopen. Invariant: a file that is there is never touched. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "lift/contents.h"

/* The part of a module's path that an interpreter's search path does not hold. */
static const char *inner_path(const char *path)
{
    static const char *const roots[] = { "/dist-packages/", "/site-packages/", "/lib-dynload/", "/lua/5.4/", "/lua/5.3/", "/lua/5.1/" };
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        const char *at = strstr(path, roots[i]);
        if (at)
            return at + strlen(roots[i]);
    }
    return text_basename(path);
}

static int make_folders(char *path, size_t from)
{
    for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int failed = mkdir(path, 0777) && errno != EEXIST;
        *slash = '/';
        if (failed)
            return -1;
    }
    return 0;
}

/* 1: made, 0: was there, -1: errno says why not. */
static int make_stub(const char *folder, const char *name)
{
    char path[8192];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (make_folders(path, strlen(folder) + 1))
        return -1;
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        return errno == EEXIST ? 0 : -1;
    return close(file) ? -1 : 1;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 } };
    struct graft_error error = { 0 };
    struct contents contents;
    size_t made = 0, kept = 0;
    int option, status = EXIT_DONE;
    while ((option = getopt_long(count, arguments, ":h", options, NULL)) != -1)
        if (option == 'h')
            return print_help(&command_stubs);
        else
            return option_error(&command_stubs, arguments);
    if (optind != count - 2)
        return usage_error(&command_stubs, "name an executable and a folder");
    if (contents_open(&contents, arguments[optind], &error))
        return report_error(&command_stubs, &error);
    if (mkdir(arguments[optind + 1], 0777) && errno != EEXIST)
        status = EXIT_FAILED;
    for (size_t i = 0; !status && i < contents.count; i++) {
        int result = make_stub(arguments[optind + 1], inner_path(contents.modules[i].path));
        made += result > 0;
        kept += !result;
        if (result < 0)
            status = EXIT_FAILED;
    }
    if (status)
        fprintf(stderr, "graft stubs: %s: %s\n", arguments[optind + 1], strerror(errno));
    else
        printf("%zu placeholder%s made, %zu %s there already\n", made, plural(made), kept, kept == 1 ? "was" : "were");
    contents_close(&contents);
    return status;
}

const struct command command_stubs = {
    "stubs", "EXECUTABLE FOLDER",
    "make placeholders for the modules that an executable holds", run,
    "  -h, --help            this text\n\n"
    "Python's finder wants a file before it asks dlopen; an empty one with the module's name and\n"
    "suffix will do. Put FOLDER into the interpreter's search path.\n",
};
