/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_LAUNCH_H
#define GRAFT_CLI_LAUNCH_H

#include <jansson.h>

#include "cli/cli.h"

/* How a command is started with libgraft-preload.so. */
struct launch {
    const char *rules;              /* in the rules format; NULL: none */
    const char *hooks[16];          /* NAME|PATH[:arguments] */
    size_t hook_count;
    const char *load;               /* a file to load before main, or NULL */
    bool go_on;                     /* and then to run the program */
    const char *report;             /* file for plans as JSON, or NULL */
    int verbose;                    /* 1 all, 0 failures, -1 nothing */
    bool inherit, dry_run;
};

/* The file that execvp(@name) would start, for a script its interpreter; false: none. */
bool launch_find(const char *name, char path[4096]);

/* Whether the rules can be read and the command can take them; else the exit
 * status, and the reason has been printed. */
int launch_check(const struct command *, const struct launch *, char **arguments);

/* Checks the rules and the command, sets the environment, and execs. Returns only
 * on failure, with the exit status; the reason has been printed. */
int launch_exec(const struct command *, const struct launch *, char **arguments);

/* What preloaded libraries have written to the file of a report, one JSON text after
 * another, as an array that the caller owns. */
json_t *launch_read_report(const char *path);

/* Waits for the end of @child; its exit status, 128 and more for a signal. */
int launch_wait(pid_t child);

#endif
