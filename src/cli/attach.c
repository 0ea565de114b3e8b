/* SPDX-License-Identifier: MIT */
/* graft attach: binds libraries of a live process from outside. Invariant: rules
 * are applied in their order, and where one fails those before it are undone. */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include <graft/attach.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/render.h"
#include "cli/site.h"

struct attachment {
    struct graft_target *target;
    pid_t pid;
    bool json, verbose;
    unsigned done[64];              /* numbers of the plans applied so far */
    size_t count;
    json_t *results;
};

/* The rule as it was given, without its line end: what is remembered. */
static const char *label_of(const struct rule *rule, char text[512])
{
    snprintf(text, 512, "%s %s", rule_word(rule->kind), rule->consumer);
    return text;
}

static int apply_rule(struct attachment *a, const struct rule *rule, struct graft_error *error)
{
    struct site site = { .target = a->target };
    struct graft_plan *plan = NULL;
    struct graft_attach_result result = { .size = sizeof result };
    char label[512];
    int failed = site_plan(&site, rule, &plan, error);
    if (failed)
        return failed;
    if (a->verbose && !a->json) {
        json_t *plans = json_pack("[{s:s, s:o}]", "rule", label_of(rule, label), "plan", render_plan_json(plan));
        render_plans(plans, false);
        json_decref(plans);
    }
    failed = graft_target_apply(a->target, plan, label_of(rule, label), &result, error);
    graft_target_plan_free(plan);
    if (failed)
        return failed;
    if (result.plan)                /* 0 would be: all plans */
        a->done[a->count++] = result.plan;
    json_array_append_new(a->results, json_pack("{s:s, s:i, s:I, s:I, s:i, s:I}", "rule", label,
        "plan", (int)result.plan, "slots", (json_int_t)result.slots, "threads", (json_int_t)result.threads,
        "stops", (int)result.stops, "stopped_ns", (json_int_t)result.stopped));
    if (!a->json && result.plan)
        printf("plan %u: %s: %zu slot%s written, %zu thread%s stopped for %.0f us\n", result.plan, label,
               result.slots, plural(result.slots), result.threads, plural(result.threads),
               (double)result.stopped / 1000);
    else if (!a->json)
        printf("%s: nothing to write: no slot is bound to the duplicate\n", label);
    return 0;
}

static void take_back(struct attachment *a)
{
    while (a->count > 0) {
        struct graft_attach_result result = { .size = sizeof result };
        struct graft_error error = { 0 };
        unsigned plan = a->done[--a->count];
        if (graft_target_undo(a->target, plan, &result, &error))
            report_error(&command_attach, &error);
        else
            fprintf(stderr, "graft attach: plan %u was taken back\n", plan);
    }
}

static int apply_rules(struct attachment *a, const char *text)
{
    struct arena arena = { 0 };
    struct arena_list rules = { .arena = &arena, .element_size = sizeof(struct rule) };
    struct graft_error error = { 0 };
    int failed = rules_parse(&rules, text, &error), status;
    if (!failed && rules.count > sizeof a->done / sizeof *a->done)
        failed = error_set(&error, GRAFT_EINVAL, "at most 64 rules at once");
    for (size_t i = 0; !failed && i < rules.count; i++)
        failed = apply_rule(a, arena_list_at(&rules, i), &error);
    status = failed ? report_error(&command_attach, &error) : EXIT_DONE;
    if (failed && a->count)
        take_back(a);
    arena_free(&arena);
    return status;
}

static int attach(struct attachment *a, const char *rules)
{
    struct graft_error error = { 0 };
    if (graft_target_open(&a->target, a->pid, &error))
        return report_error(&command_attach, &error);
    a->results = json_array();
    int status = apply_rules(a, rules);
    if (!status && a->json)
        render_json(json_pack("{s:i, s:i, s:O}", "format", 1, "pid", (int)a->pid, "applied", a->results));
    else if (!status && a->count)
        printf("graft undo %d puts it back\n", (int)a->pid);
    json_decref(a->results);
    graft_target_close(a->target);
    return status;
}

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        RULE_OPTIONS_LONG, { "json", no_argument, NULL, 'j' }, { "verbose", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct rule_options rules = { 0 };
    struct attachment a = { 0 };
    int option;
    while ((option = getopt_long(count, arguments, ":jvh", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_attach);
        case 'j': a.json = true; break;
        case 'v': a.verbose = true; break;
        default:
            if (!rule_option(&rules, option, optarg))
                return option_error(&command_attach, arguments);
        }
    if (optind + 1 != count || !(a.pid = parse_pid(arguments[optind])))
        return usage_error(&command_attach, "name one process by its PID");
    if (!rule_options_finish(&rules))
        return usage_error(&command_attach, "say what to do: --rebind, --isolate or --rules");
    return attach(&a, rules.text);
}

const struct command command_attach = {
    "attach", "[options] PID",
    "bind libraries of a live process from outside; its threads stop for microseconds", run,
    RULE_OPTIONS_HELP
    "  -v, --verbose         show the plans first, slot by slot\n"
    "  --json                tell what was done as JSON\n"
    "  -h, --help            this text\n\n"
    "Nothing is injected. graft plan with the same options shows what would be done.\n",
};
