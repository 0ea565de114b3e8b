/* SPDX-License-Identifier: MIT */
/* The command `graft`: finds the subcommand and runs it. Invariant: what a
 * subcommand is called and does is said once, in its struct command. */

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct command *const commands[] = {
    &command_objects, &command_plan, &command_run, &command_attach, &command_undo,
    &command_hooks, &command_load, &command_table, &command_variant,
    &command_lift, &command_link, &command_ls, &command_verify, &command_stubs,
    &command_pack, &command_scan,
};
enum { COMMANDS = sizeof commands / sizeof *commands };

int usage_error(const struct command *command, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "graft %s: ", command->name);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nTry: graft %s --help\n", command->name);
    return EXIT_USAGE;
}

int option_error(const struct command *command, char **arguments)
{
    return usage_error(command, "the option %s is not known, or lacks its value", arguments[optind - 1]);
}

/* What each error means for whoever called the command. */
static int exit_status(int code)
{
    switch (-code) {
    case 0:               return EXIT_DONE;
    case GRAFT_ENOOBJ: case GRAFT_ENODUP: case GRAFT_ENOHOST: case GRAFT_EREFUSED:
    case GRAFT_ESTATE: case GRAFT_ENOFUNC: case GRAFT_ETYPE:
                          return EXIT_NEGATIVE;
    case GRAFT_EINVAL: case GRAFT_ESYNTAX: case GRAFT_EAMBIG:
                          return EXIT_USAGE;
    case GRAFT_EFORMAT: case GRAFT_EARCH: case GRAFT_EGONE: case GRAFT_EPERM: case GRAFT_ETRACED:
    case GRAFT_EBUILDID: case GRAFT_ESTOPPED: case GRAFT_ESTATIC: case GRAFT_ESYS: case GRAFT_EOTHER:
                          return EXIT_REFUSED;
    default:              return EXIT_FAILED;
    }
}

int report_error(const struct command *command, const struct graft_error *error)
{
    fprintf(stderr, "graft %s: %s\n", command->name,
            error->text[0] ? error->text : graft_strerror(error->code));
    return exit_status(error->code);
}

int print_help(const struct command *command)
{
    printf("usage: graft %s %s\n\n%s\n", command->name, command->arguments, command->help);
    if (command->options)
        printf("\noptions:\n%s", command->options);
    printf("\nexit status: 0 done, 1 a negative answer, 2 usage, 3 the target or file was refused,\n"
           "4 failed and rolled back\n");
    return EXIT_DONE;
}

pid_t parse_pid(const char *text)
{
    char *end;
    if (!*text || text[strspn(text, "0123456789")])
        return 0;
    errno = 0;
    long value = strtol(text, &end, 10);
    return errno || value <= 0 || value > 0x7fffffff ? 0 : (pid_t)value;
}

static int help(FILE *to)
{
    fprintf(to, "usage: graft COMMAND [options]\n\n"
            "Makes a loaded library use the interpreter that already runs in its process.\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-8s %s\n", commands[i]->name, commands[i]->help);
    fprintf(to, "\n  graft COMMAND --help says more; so does man graft-COMMAND.\n");
    return to == stderr ? EXIT_USAGE : EXIT_DONE;
}

int main(int count, char **arguments)
{
    const char *name = count > 1 ? arguments[1] : "";
    if (!strcmp(name, "--version")) {
        printf("graft %s\n", GRAFT_VERSION);
        return EXIT_DONE;
    }
    if (!strcmp(name, "--help") || !strcmp(name, "help"))
        return help(stdout);
    for (size_t i = 0; i < COMMANDS; i++)
        if (!strcmp(commands[i]->name, name))
            return commands[i]->run(count - 1, arguments + 1);
    if (*name)
        fprintf(stderr, "graft: unknown command '%s'\n", name);
    return help(stderr);
}
