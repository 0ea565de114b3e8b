/* SPDX-License-Identifier: MIT */
/* graft run: starts a command with rules or hook libraries in force. Invariant: what cannot work
 * (a static or a setuid program) is said before it is started, not after. */

#include "cli/launch.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        RULE_OPTIONS_LONG, { "hook", required_argument, NULL, 'H' }, { "no-inherit", no_argument, NULL, 'N' },
        { "verbose", no_argument, NULL, 'v' }, { "quiet", no_argument, NULL, 'q' },
        { "report", required_argument, NULL, 'T' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct rule_options rules = { 0 };
    struct launch launch = { .inherit = true };
    const size_t room = sizeof launch.hooks / sizeof *launch.hooks;
    int option;
    while ((option = getopt_long(count, arguments, "+:vqh", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_run);
        case 'H':
            if (launch.hook_count == room)
                return usage_error(&command_run, "at most %zu hook libraries", room);
            launch.hooks[launch.hook_count++] = optarg;
            break;
        case 'N': launch.inherit = false; break;
        case 'v': launch.verbose = 1; break;
        case 'q': launch.verbose = -1; break;
        case 'T': launch.report = optarg; break;
        default:
            if (!rule_option(&rules, option, optarg))
                return option_error(&command_run, arguments);
        }
    if (optind == count)
        return usage_error(&command_run, "name a command to run, after --");
    if (rule_options_finish(&rules))
        launch.rules = rules.text;
    else if (!launch.hook_count)
        return usage_error(&command_run, "say what to do: --load, --own, --rebind, --isolate, --rules or --hook");
    return launch_exec(&command_run, &launch, arguments + optind);
}

const struct command command_run = {
    "run", "[options] -- COMMAND [ARGUMENT...]",
    "start a command with rules for its libraries, or with hook libraries", run,
    RULE_OPTIONS_HELP
    LOAD_OPTIONS_HELP
    "  --hook NAME[:ARGS]    start a hook library, by name or path; graft hooks lists them\n"
    "  --no-inherit          children of the command get none of this (default: they do)\n"
    "  -v, --verbose         tell what was done, on standard error\n"
    "  -q, --quiet           not even what could not be done\n"
    "  --report FILE         append each plan to FILE as JSON\n"
    "  -h, --help            this text\n",
};
