/* SPDX-License-Identifier: MIT */
/* graft lift: a finished shared object becomes a relocatable one. */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "lift/lift.h"

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "output", required_argument, NULL, 'o' }, { "lib", no_argument, NULL, 'l' },
        { "verbose", no_argument, NULL, 'v' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct graft_error error = { 0 };
    struct lift_options how = { 0 };
    struct lift_counts counts;
    struct lift_module module;
    const char *output = NULL;
    bool verbose = false;
    int option;
    while ((option = getopt_long(count, arguments, ":o:lvh", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_lift);
        case 'o': output = optarg; break;
        case 'l': how.lib = true; break;
        case 'v': verbose = true; break;
        default:  return option_error(&command_lift, arguments);
        }
    if (optind != count - 1 || !output)
        return usage_error(&command_lift, output ? "name one shared object" : "-o FILE is missing");
    int result = lift_module_open(&module, arguments[optind], &error);
    if (result)
        return report_error(&command_lift, &error);
    result = lift_write(&module, &how, output, &counts, &error);
    if (!result && verbose)
        fprintf(stderr, "graft lift: %s: %u segments, %zu relocations, %zu left to dlopen, %zu imports, %zu exports%s\n",
                module.path, module.image.segment_count, counts.relocations, counts.late, counts.imports, counts.exports,
                module.image.tls.type ? ", TLS" : "");
    lift_module_close(&module);
    return result ? report_error(&command_lift, &error) : EXIT_DONE;
}

const struct command command_lift = {
    "lift", "[--lib] -o OBJECT.o MODULE.so",
    "make a relocatable object of a finished shared object", run,
    "  -o, --output FILE     the object\n"
    "  --lib                 its exports become global symbols, for the program itself to bind to\n"
    "  -v, --verbose         say what was found\n"
    "  -h, --help            this text\n\n"
    "graft link lays such objects out; a plain link does not keep their distances, and\n"
    "dlopen then refuses them.\n",
};
