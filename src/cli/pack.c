/* SPDX-License-Identifier: MIT */
/* graft pack: the objects of a module become one, which dlopen finds. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lift/pack.h"

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' }, { "name", required_argument, NULL, 'n' },
        { "soname", required_argument, NULL, 's' }, { "like", required_argument, NULL, 'l' },
        { "share", required_argument, NULL, 'S' }, { "cc", required_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct pack_job job = { .compiler = "gcc" };
    struct pack_result result = { 0 };
    struct graft_error error = { 0 };
    const char **shared = calloc((size_t)count + 1, sizeof *shared);
    int option;
    if (!shared)
        return EXIT_FAILED;
    job.shared = shared;
    while ((option = getopt_long(count, arguments, ":o:n:s:l:h", options, NULL)) != -1)
        switch (option) {
        case 'h': free(shared); return print_help(&command_pack);
        case 'o': job.output = optarg; break;
        case 'n': job.path = optarg; break;
        case 's': job.soname = optarg; break;
        case 'l': job.like = optarg; break;
        case 'S': shared[job.shared_count++] = optarg; break;
        case 'c': job.compiler = optarg; break;
        default:  free(shared); return option_error(&command_pack, arguments);
        }
    job.inputs = (const char *const *)arguments + optind;
    job.input_count = (size_t)(count - optind);
    if (!job.path)
        job.path = job.like ? job.like : job.output;
    int status = !job.output ? usage_error(&command_pack, "-o FILE is missing")
               : !job.input_count ? usage_error(&command_pack, "name at least one object") : EXIT_DONE;
    if (!status && pack_run(&job, &result, &error)) {
        if (result.messages && error.code == -GRAFT_EREFUSED)
            fputs(result.messages, stderr);
        status = report_error(&command_pack, &error);
    } else if (!status) {
        fprintf(stderr, "graft pack: %s: %zu name%s, %zu constructor%s\n", job.output, result.exports, plural(result.exports),
                result.constructors, plural(result.constructors));
    }
    free(result.messages);
    free(shared);
    return status;
}

const struct command command_pack = {
    "pack", "[options] -o MODULE.o OBJECT…",
    "make a module of objects, with no global name left", run,
    "  -o, --output FILE     the object, for graft link or a plain static link\n"
    "  --name PATH           what dlopen calls it (default: that of --like, else FILE)\n"
    "  --soname NAME         its soname\n"
    "  --like FILE           a shared object whose exports, soname and needs it shall have\n"
    "  --share NAME          a name that stays global\n"
    "  --cc COMPILER         runs the relocatable link (default: gcc)\n"
    "  -h, --help            this text\n\n"
    "Archives are taken whole. Objects of gcc -flto are compiled first.\n",
};
