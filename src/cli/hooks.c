/* SPDX-License-Identifier: MIT */
/* graft hooks: lists the hook libraries that `graft run --hook` finds. */

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/hook_libraries.h"
#include "cli/render.h"

struct listing { json_t *libraries; bool broken; };

static json_t *describe(const struct hook_library *library)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:o}", "name", render_text(library->name),
                     "help", render_text(library->help), "arguments", render_text(library->arguments),
                     "hooks", (json_int_t)library->count, "path", render_text(library->path));
}

static void list_one(const struct hook_library *library, const struct graft_error *error, void *arg)
{
    struct listing *listing = arg;
    if (!error->code)
        json_array_append_new(listing->libraries, describe(library));
    else {
        fprintf(stderr, "graft hooks: %s\n", error->text);
        listing->broken = true;
    }
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct listing listing = { json_array(), false };
    bool json = false;
    int option, status = EXIT_DONE;
    while ((option = getopt_long(count, arguments, ":jh", options, NULL)) != -1) {
        if (option == 'h')
            return print_help(&command_hooks);
        if (option != 'j')
            return option_error(&command_hooks, arguments);
        json = true;
    }
    for (int i = optind; i < count && !status; i++) {
        struct hook_library library = { .path = "" };
        struct graft_error error = { 0 };
        if (hook_libraries_find(&library, arguments[i], &error))
            status = report_error(&command_hooks, &error);
        else
            list_one(&library, &error, &listing);
    }
    if (optind == count)
        hook_libraries_each(list_one, &listing);
    if (status)
        json_decref(listing.libraries);
    else
        render_hook_libraries(listing.libraries, json);
    return status ? status : listing.broken ? EXIT_NEGATIVE : EXIT_DONE;
}

const struct command command_hooks = {
    "hooks", "[--json] [NAME | PATH...]",
    "list the hook libraries that graft run --hook can start", run,
    "  --json                as JSON\n  -h, --help            this text\n\n"
    "Hook libraries are looked for in the folders of GRAFT_HOOK_PATH, in the folder hooks\n"
    "beside the tool, and where graft was installed. They are only read, not run.\n",
};
