/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_CLI_H
#define GRAFT_CLI_CLI_H

/* The command `graft`: one table of subcommands, one file each. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <graft/graft.h>

#include "plan/rules.h"

/* Exit status of every subcommand. */
enum { EXIT_DONE, EXIT_NEGATIVE, EXIT_USAGE, EXIT_REFUSED, EXIT_FAILED };

struct command {
    const char *name, *arguments, *help;
    int (*run)(int count, char **arguments);
    const char *options;            /* one line each, for --help */
};

extern const struct command command_objects, command_plan, command_run, command_attach, command_undo,
                            command_hooks, command_load, command_table, command_variant, command_lift, command_link,
                            command_ls, command_verify, command_stubs, command_pack,
                            command_scan;

/* Prints "graft NAME: …" on standard error and returns EXIT_USAGE. */
int usage_error(const struct command *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for an option that getopt did not take (with ':' in front of its
 * letters, so that it says nothing itself). */
int option_error(const struct command *, char **arguments);

/* "s", or nothing for one. */
static inline const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* Prints the error and returns the exit status that its code means. */
int report_error(const struct command *, const struct graft_error *);

/* Prints the command's help on standard output; EXIT_DONE. */
int print_help(const struct command *);

/* A PID if @text is all digits, else 0. */
pid_t parse_pid(const char *text);

/* ---- rules from options, for plan, run and attach ------------------------ */

/* What the options of RULE_OPTIONS_HELP of one command line say, as text in the rules
 * format. */
struct rule_options {
    char *text;                     /* malloc'd; the finished rules */
    size_t length;
    const char *from, *only, *onto, *ways, *table;
    bool alone, partial, any_version;
    struct { enum rule_kind kind; const char *value; } asked[64];
    size_t count;
};

#define RULE_OPTIONS_LONG \
    { "rebind", required_argument, NULL, 'r' }, { "isolate", required_argument, NULL, 'i' }, \
    { "from", required_argument, NULL, 'f' }, { "only", required_argument, NULL, 'o' }, \
    { "partial", no_argument, NULL, 'p' }, { "any-version", no_argument, NULL, 'V' }, \
    { "alone", no_argument, NULL, 'A' }, { "rules", required_argument, NULL, 'R' }, \
    { "load", required_argument, NULL, 'l' }, { "own", required_argument, NULL, 'O' }, \
    { "onto", required_argument, NULL, 'n' }, { "way", required_argument, NULL, 'w' }, \
    { "table", required_argument, NULL, 't' }

#define RULE_OPTIONS_HELP \
    "  --rebind GLOB[=HOST]  references of the consumer GLOB go to HOST (default: found)\n" \
    "  --isolate GLOB        references of GLOB's closure go back to its own libraries\n" \
    "  --from GLOB           the duplicate that they leave (default: found)\n" \
    "  --only NAMES          only these symbols, comma separated globs\n" \
    "  --alone               the consumer only, not what it brought along\n" \
    "  --partial             edit what can be edited even if something cannot\n" \
    "  --any-version         a symbol of another version will do\n" \
    "  --rules FILE          rules from a file, see graft-rules(5)\n"

/* For commands that decide loads. */
#define LOAD_OPTIONS_HELP \
    "  --load GLOBS          decide each dlopen of what matches before it happens\n" \
    "  --own GLOBS           what matches keeps a runtime of its own\n" \
    "  --onto HOST           the host for --load (default: found)\n" \
    "  --way WAYS            only these: promote, provider, rebind, isolate\n" \
    "  --table FILE          addresses of what the host hides, see graft-table(5)\n"

/* Takes one option; true if it was one of the above. Exits with a message where
 * the file of --rules cannot be read. */
bool rule_option(struct rule_options *, int option, const char *value);

/* Makes the text. false: no rule was given. */
bool rule_options_finish(struct rule_options *);

#endif
