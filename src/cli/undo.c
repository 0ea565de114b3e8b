/* SPDX-License-Identifier: MIT */
/* graft undo: puts back what graft attach wrote, or lists it. */

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include <graft/attach.h>

#include "cli/cli.h"
#include "cli/render.h"

static json_t *plan_json(const struct graft_attach_plan *plan)
{
    return json_pack("{s:i, s:s, s:I, s:I, s:b}", "plan", (int)plan->plan, "rule", plan->label, "slots",
                     (json_int_t)plan->slots, "time", (json_int_t)plan->time, "interrupted",
                     (int)plan->interrupted);
}

static void print_plan(const struct graft_attach_plan *plan)
{
    char when[64] = "";
    time_t seconds = (time_t)plan->time;
    struct tm local;
    if (localtime_r(&seconds, &local))
        strftime(when, sizeof when, "%F %T", &local);
    printf("plan %u: %s: %zu slot%s, %s%s\n", plan->plan, plan->label, plan->slots,
           plural(plan->slots), when,
           plan->interrupted ? ", interrupted while it was applied" : "");
}

static int list(struct graft_target *target, bool json)
{
    struct graft_attach_plans *plans;
    struct graft_error error = { 0 };
    if (graft_target_plans(target, &plans, &error))
        return report_error(&command_undo, &error);
    size_t count = graft_target_plans_count(plans);
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(all, plan_json(graft_target_plans_get(plans, i)));
        if (!json)
            print_plan(graft_target_plans_get(plans, i));
    }
    if (json)
        render_json(json_pack("{s:i, s:O}", "format", 1, "plans", all));
    else if (!count)
        puts("nothing is applied to this process");
    json_decref(all);
    graft_target_plans_free(plans);
    return count ? EXIT_DONE : EXIT_NEGATIVE;
}

static int undo(struct graft_target *target, unsigned plan, bool json)
{
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error = { 0 };
    if (graft_target_undo(target, plan, &result, &error))
        return report_error(&command_undo, &error);
    if (json)
        render_json(json_pack("{s:i, s:I, s:I, s:I}", "format", 1, "slots", (json_int_t)result.slots, "threads",
                              (json_int_t)result.threads, "stopped_ns", (json_int_t)result.stopped));
    else
        printf("%zu slot%s put back, %zu thread%s stopped for %.0f us\n", result.slots, plural(result.slots),
               result.threads, plural(result.threads), (double)result.stopped / 1000);
    return EXIT_DONE;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        { "plan", required_argument, NULL, 'n' }, { "list", no_argument, NULL, 'l' },
        { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    bool json = false, only_list = false;
    pid_t number = 0, pid;
    int option;
    while ((option = getopt_long(count, arguments, ":n:ljh", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_undo);
        case 'j': json = true; break;
        case 'l': only_list = true; break;
        case 'n':
            if ((number = parse_pid(optarg)))
                break;
            return usage_error(&command_undo, "'%s' is not the number of a plan", optarg);
        default: return option_error(&command_undo, arguments);
        }
    if (optind + 1 != count || !(pid = parse_pid(arguments[optind])))
        return usage_error(&command_undo, "name one process by its PID");
    struct graft_target *target;
    struct graft_error error = { 0 };
    if (graft_target_open(&target, pid, &error))
        return report_error(&command_undo, &error);
    int status = only_list ? list(target, json) : undo(target, (unsigned)number, json);
    graft_target_close(target);
    return status;
}

const struct command command_undo = {
    "undo", "[options] PID",
    "put back what attach has written into a process", run,
    "  --plan NUMBER         only that plan (default: all, in any order)\n"
    "  --list                only tell what is applied\n"
    "  --json                as JSON\n"
    "  -h, --help            this text\n",
};
