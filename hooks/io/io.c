/* SPDX-License-Identifier: MIT */
/* The hook library `io`: which files and peers a program talks to, how often and how
 * much. This file knows the arguments and the list of hooks. */
#include <stdio.h>

#include "calls.h"
#include "common/hook.h"
#include "common/life.h"
#include "common/options.h"
#include "ledger.h"
#include "tell.h"

static int start(const char *arguments, char **environment, struct graft_error *error)
{
    static const struct option options[] = {
        { "top", OPTION_NUMBER, &tell_settings.top, 0, NULL },
        { "paths", OPTION_TEXT, tell_settings.paths, sizeof tell_settings.paths, NULL },
        { "log", OPTION_FLAG, &tell_settings.log, 0, NULL },
    };
    (void)environment;
    int code = options_parse(arguments, options, COUNT_OF(options), error);
    if (code)
        return code;
    if (!ledger_begin()) {
        snprintf(error->text, sizeof error->text, "no memory for the table of descriptors");
        return error->code = -GRAFT_ENOMEM;
    }
    return life_start("io", tell_report, ledger_child, error);
}

#define ROW(name) HOOK_IF_ANY(#name, our_##name, next_##name),
static const struct graft_hook hooks[] = {
    IO_FILES(ROW) IO_SOCKETS(ROW) IO_STREAMS(ROW)
    LIFE_HOOKS
};

GRAFT_API const struct graft_hook_library graft_hook_library = {
    .size = sizeof(struct graft_hook_library),
    .name = "io",
    .help = "which files and peers the program talks to, how often and how much",
    .arguments = "top=N, paths=GLOB, log, file=PATH, json",
    .hooks = hooks,
    .count = COUNT_OF(hooks),
    .start = start,
    .stop = life_stop,
};
