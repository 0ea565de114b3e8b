/* SPDX-License-Identifier: MIT */
/* graft objects: what is loaded in a process, or what a file is. */

#include <getopt.h>
#include <stdio.h>

#include <graft/attach.h>

#include "cli/cli.h"
#include "cli/render.h"
#include "plan/describe.h"
#include "file/files.h"

static int list_process(pid_t pid, struct graft_objects **objects, struct graft_error *error)
{
    struct graft_target *target;
    int result = graft_target_open(&target, pid, error);
    if (result)
        return result;
    result = graft_target_objects(target, objects, error);
    graft_target_close(target);
    return result;
}

static int list_files(char **paths, struct graft_objects **objects, struct graft_error *error)
{
    struct world world;
    size_t index;
    int result = 0;
    world_init(&world);
    for (; *paths && !result; paths++)
        result = files_add(&world, *paths, &index, error);
    if (!result)
        result = objects_describe(objects, &world, error);
    world_free(&world);
    return result;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    bool json = false;
    int option;
    while ((option = getopt_long(count, arguments, ":jh", options, NULL)) != -1) {
        if (option == 'h')
            return print_help(&command_objects);
        if (option != 'j')
            return option_error(&command_objects, arguments);
        json = true;
    }
    if (optind == count)
        return usage_error(&command_objects, "name a process or a file");
    struct graft_objects *objects = NULL;
    struct graft_error error = { 0 };
    pid_t pid = parse_pid(arguments[optind]);
    if (pid && optind + 1 < count)
        return usage_error(&command_objects, "one process at a time");
    int result = pid ? list_process(pid, &objects, &error) : list_files(arguments + optind, &objects, &error);
    if (result)
        return report_error(&command_objects, &error);
    render_objects(objects, arguments[optind], json);
    graft_objects_free(objects);
    return EXIT_DONE;
}

const struct command command_objects = {
    "objects", "[--json] PID | FILE...",
    "list the objects of a process, or look at files, and name the interpreters in them", run,
    "  --json                as JSON\n  -h, --help            this text\n\n"
    "A process is only read, never stopped. A file may be of any architecture.\n",
};
