/* SPDX-License-Identifier: MIT */
/* graft load: loads a file into a program that is started for it, as graft_load would, and
 * tells the way. Invariant: the program's main does not run unless that is asked for. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/launch.h"
#include "cli/render.h"

/* What the process ended with, unless it never got as far as to say something. */
static int load_and_tell(struct launch *launch, char **arguments, bool json)
{
    char report[] = "/tmp/graft-load-XXXXXX";
    int file = mkstemp(report);
    if (file < 0) {
        fprintf(stderr, "graft load: no temporary file: %m\n");
        return EXIT_FAILED;
    }
    close(file);
    launch->report = report;
    launch->verbose = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(launch_exec(&command_load, launch, arguments));
    int status = child < 0 ? EXIT_FAILED : launch_wait(child);
    json_t *loads = launch_read_report(report);
    unlink(report);
    if (json_array_size(loads))
        render_decisions(loads, json);
    else {
        fprintf(stderr, "graft load: %s ended with status %d before anything was loaded\n", arguments[0], status);
        status = EXIT_FAILED;
        json_decref(loads);
    }
    return status;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "own", no_argument, NULL, 'O' }, { "onto", required_argument, NULL, 'n' }, { "from", required_argument, NULL, 'f' },
        { "way", required_argument, NULL, 'w' }, { "table", required_argument, NULL, 't' }, { "partial", no_argument, NULL, 'p' },
        { "any-version", no_argument, NULL, 'V' }, { "host", required_argument, NULL, 'H' }, { "run", no_argument, NULL, 'g' },
        { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct rule_options rules = { 0 };
    struct launch launch = { .inherit = false };
    bool json = false, own = false;
    char *command[256] = { NULL };
    int option;
    while ((option = getopt_long(count, arguments, "+:jh", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_load);
        case 'j': json = true; break;
        case 'O': own = true; break;
        case 'g': launch.go_on = true; break;
        case 'H': command[0] = optarg; break;
        default:
            if (!rule_option(&rules, option, optarg))
                return option_error(&command_load, arguments);
        }
    if (optind == count)
        return usage_error(&command_load, "name a file to load");
    char *file = realpath(arguments[optind], NULL);
    const char *path = file ? file : arguments[optind];
    if (!file && strchr(path, '/')) {
        fprintf(stderr, "graft load: %s: %m\n", path);
        return EXIT_REFUSED;
    }
    int next = optind + 1;
    if (!command[0] && next + 1 < count && !strcmp(arguments[next], "--host")) {
        command[0] = arguments[next + 1];
        next += 2;
    }
    if (!command[0])
        return usage_error(&command_load, next < count && parse_pid(arguments[next])
            ? "a live process cannot be made to load something yet: graft plan --load FILE PID shows how it would be"
            : "say in which program: --host COMMAND [ARGUMENT...]");
    for (int i = 1; i < 255 && next < count; i++)
        command[i] = arguments[next++];
    rule_option(&rules, own ? 'O' : 'l', path);
    if (!rule_options_finish(&rules))
        return EXIT_USAGE;
    launch.rules = rules.text;
    launch.load = path;
    int status = launch_check(&command_load, &launch, command);
    if (status)
        return status;
    launch.verbose = 1;
    return launch.go_on ? launch_exec(&command_load, &launch, command) : load_and_tell(&launch, command, json);
}

const struct command command_load = {
    "load", "[options] FILE --host COMMAND [ARGUMENT...]",
    "load a file into a program that is started for it, and tell which way", run,
    "  --own                 it keeps a runtime of its own\n"
    "  --onto HOST           the host (default: found)\n"
    "  --from GLOB           the duplicate (default: found)\n"
    "  --way WAYS            only these: promote, provider, rebind, isolate\n"
    "  --table FILE          addresses of what the host hides, see graft-table(5)\n"
    "  --partial             load it even if some names stay with the duplicate\n"
    "  --any-version         a runtime of another version will do\n"
    "  --run                 and then run the program (default: it ends before its main)\n"
    "  --json                as JSON\n"
    "  -h, --help            this text\n\n"
    "FILE is loaded when all that the program is linked to is there, just before its main.\n",
};
