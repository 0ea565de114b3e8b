/* SPDX-License-Identifier: MIT */
/* graft plan: what would be edited, in files, in a live process, or in a command
 * that is started for it. Invariant: nothing is changed anywhere. */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <elf.h>

#include "cli/cli.h"
#include "cli/decide.h"
#include "cli/launch.h"
#include "cli/render.h"
#include "cli/site.h"
#include "file/files.h"

/* Plans every rule; the exit status is that of the first that could not be. */
static int plan_rules(const struct site *site, const char *text, bool json)
{
    struct arena arena = { 0 };
    struct arena_list rules = { .arena = &arena, .element_size = sizeof(struct rule) };
    struct graft_error error = { 0 };
    json_t *plans = json_array();
    int status = EXIT_DONE;
    if (rules_parse(&rules, text, &error))
        status = report_error(&command_plan, &error);
    for (size_t i = 0; !status && i < rules.count; i++) {
        const struct rule *rule = arena_list_at(&rules, i);
        struct graft_plan *plan = NULL;
        if (site_plan(site, rule, &plan, &error)) {
            status = report_error(&command_plan, &error);
            break;
        }
        json_array_append_new(plans, json_pack("{s:o, s:o}", "rule",
            json_sprintf("%s %s", rule_word(rule->kind), rule->consumer),
            "plan", render_plan_json(plan)));
        if (plan_refusals(plan) && !(plan->flags & GRAFT_PARTIAL))
            status = EXIT_NEGATIVE;
        plan_free(plan);
    }
    if (json_array_size(plans))
        render_plans(plans, json);
    json_decref(plans);
    arena_free(&arena);
    return status;
}

/* ---- a process ---------------------------------------------------------- */

static int plan_process(pid_t pid, const char *rules, bool json)
{
    struct site site = { 0 };
    struct graft_error error = { 0 };
    if (graft_target_open(&site.target, pid, &error))
        return report_error(&command_plan, &error);
    int status = plan_rules(&site, rules, json);
    graft_target_close(site.target);
    return status;
}

/* ---- files -------------------------------------------------------------- */

static void mark_main(struct world *world, size_t i)
{
    struct world_object *object = world_object(world, i);
    if (world->main != WORLD_NONE || (object->image.type != ET_EXEC && !(object->image.flags_1 & DF_1_PIE)))
        return;
    world->main = i;
    object->is_main = true;
}

static int plan_files(char **paths, const char *rules, const char *library_path, bool json)
{
    struct world world;
    struct site site = { .world = &world };
    struct graft_error error = { 0 };
    size_t index, missing = 0;
    int status = EXIT_DONE;
    world_init(&world);
    for (; *paths && !status; paths++) {
        if (files_add(&world, *paths, &index, &error))
            status = report_error(&command_plan, &error);
        else
            mark_main(&world, index);
    }
    if (!status) {
        files_add_needed(&world, 0, library_path, &missing);
        if (missing)
            fprintf(stderr, "graft plan: %zu needed libraries were not found (--library-path)\n", missing);
        status = plan_rules(&site, rules, json);
    }
    world_free(&world);
    return status;
}

/* ---- a command ---------------------------------------------------------- */

static bool all_can_be_applied(const json_t *plans)
{
    json_t *entry;
    size_t i;
    json_array_foreach(plans, i, entry) {
        const json_t *plan = json_object_get(entry, "plan"), *decision = json_object_get(entry, "decision");
        if (decision && !strcmp(json_string_value(json_object_get(decision, "way")), "refuse"))
            return false;
        if (decision)
            continue;
        if (!plan || (json_integer_value(json_object_get(plan, "refusals"))
                      && !json_is_true(json_object_get(plan, "partial"))))
            return false;
    }
    return json_array_size(plans) > 0;
}

static int run_child(struct launch *launch, char **arguments)
{
    pid_t child = fork();
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);     /* standard output is for the plans */
        _exit(launch_exec(&command_plan, launch, arguments));
    }
    if (child < 0)
        return EXIT_FAILED;
    return launch_wait(child);
}

static int plan_command(char **arguments, const char *rules, bool json)
{
    char report[] = "/tmp/graft-plan-XXXXXX";
    int file = mkstemp(report);
    struct launch launch = { .rules = rules, .report = report, .verbose = -1, .inherit = true, .dry_run = true };
    if (file < 0) {
        fprintf(stderr, "graft plan: no temporary file: %m\n");
        return EXIT_FAILED;
    }
    close(file);
    int ended = 0, status = launch_check(&command_plan, &launch, arguments);
    if (!status)
        ended = run_child(&launch, arguments);
    json_t *plans = launch_read_report(report);
    unlink(report);
    if (status) {
        json_decref(plans);
        return status;
    }
    status = all_can_be_applied(plans) ? EXIT_DONE : EXIT_NEGATIVE;
    if (json_array_size(plans))
        render_plans(plans, json);
    else
        fprintf(stderr, "graft plan: the command ended with status %d and loaded nothing that the rules "
                "match\n", ended);
    json_decref(plans);
    return status;
}

/* ---- loads -------------------------------------------------------------- */

/* Loads are decided one by one, each for its file; -1: the rules hold none. */
static int plan_loads(const char *text, const char *target, const char *host, const char *library_path, bool json)
{
    struct arena arena = { 0 };
    struct arena_list rules = { .arena = &arena, .element_size = sizeof(struct rule) };
    int status = -1;
    if (!rules_parse(&rules, text, NULL))
        for (size_t i = 0; i < rules.count && status <= EXIT_DONE; i++)
            if (!rule_is_late(arena_list_at(&rules, i)))
                status = decide_load(&command_plan, arena_list_at(&rules, i), target ? parse_pid(target) : 0,
                                     host ? host : target, library_path, json);
    arena_free(&arena);
    return status;
}

/* ---- the command line --------------------------------------------------- */

static int run(int count, char **arguments)
{
    static const struct option options[] = {
        RULE_OPTIONS_LONG, { "json", no_argument, NULL, 'j' }, { "library-path", required_argument, NULL, 'L' },
        { "host", required_argument, NULL, 'H' },
        { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    struct rule_options rules = { 0 };
    const char *library_path = getenv("LD_LIBRARY_PATH"), *host = NULL;
    bool json = false, command;
    int option, status;
    while ((option = getopt_long(count, arguments, ":jL:h", options, NULL)) != -1)
        switch (option) {
        case 'h': return print_help(&command_plan);
        case 'j': json = true; break;
        case 'L': library_path = optarg; break;
        case 'H': host = optarg; break;
        default:
            if (!rule_option(&rules, option, optarg))
                return option_error(&command_plan, arguments);
        }
    if (optind == count && !host)
        return usage_error(&command_plan, "name a process, files, or a command after --");
    if (!rule_options_finish(&rules))
        return usage_error(&command_plan, "say what to plan: --load, --own, --rebind, --isolate or --rules");
    command = optind < count && !strcmp(arguments[optind - 1], "--");
    if (!command && (status = plan_loads(rules.text, arguments[optind], host, library_path, json)) >= 0)
        return status;
    if (host)
        return usage_error(&command_plan, "--host is for --load and --own");
    if (command)
        return plan_command(arguments + optind, rules.text, json);
    if (parse_pid(arguments[optind]))
        return plan_process(parse_pid(arguments[optind]), rules.text, json);
    return plan_files(arguments + optind, rules.text, library_path, json);
}

const struct command command_plan = {
    "plan", "[options] PID | --host PROGRAM | FILE... | -- COMMAND [ARGUMENT...]",
    "show what would be edited, slot by slot, and why a slot would not be", run,
    RULE_OPTIONS_HELP
    LOAD_OPTIONS_HELP
    "  --host PROGRAM        decide --load for this program, which is not started\n"
    "  --library-path DIRS   where to look for what the files need\n"
    "  --json                as JSON\n"
    "  -h, --help            this text\n\n"
    "A process is only read. With FILEs, the first executable among them is the main\n"
    "program. A COMMAND is run to its end with nothing edited in it. For --load and --own\n"
    "the argument is a file, and PID or --host says where it would be loaded; with a\n"
    "COMMAND it is globs, and each dlopen that they match is decided and shown.\n",
};
