/* SPDX-License-Identifier: MIT */
/* Decides loads for a person to read. Invariant: nothing is loaded and no process is
 * stopped. */

#include "cli/decide.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <graft/attach.h>

#include "cli/launch.h"
#include "cli/render.h"
#include "file/decision.h"
#include "file/files.h"
#include "file/mapping.h"

static int decide_for_process(struct graft_load_plan **plan, pid_t pid, const char *path, const struct graft_load *wish,
                              struct graft_error *error)
{
    struct graft_target *target;
    int result = graft_target_open(&target, pid, error);
    if (result)
        return result;
    result = graft_target_plan_load(target, plan, path, RTLD_NOW, wish, error);
    graft_target_close(target);
    return result;
}

static int decide_for_program(struct graft_load_plan **plan, const char *program, const char *path,
                              const struct graft_load *wish, const char *library_path, struct graft_error *error)
{
    struct world world;
    size_t index, missing;
    world_init(&world);
    int result = files_add(&world, program, &index, error);
    if (!result) {
        world.main = index;
        world_object(&world, index)->is_main = true;
        files_add_needed(&world, 0, library_path, &missing);
        for (size_t i = 0; i < world.objects.count; i++)
            world_object(&world, i)->link_map = i + 1;      /* in a file there is none: any number that tells them apart */
        result = decision_make(plan, &world, path, RTLD_NOW, wish, library_path, error);
    }
    files_close(&world);
    return result;
}

int decide_load(const struct command *command, const struct rule *rule, pid_t pid, const char *host,
                const char *library_path, bool json)
{
    struct graft_load wish = { .size = sizeof wish, .ways = rule->ways, .from = rule->from, .onto = rule->onto,
                               .flags = rule->flags | (rule->kind == RULE_OWN ? GRAFT_OWN_RUNTIME : 0) };
    struct graft_load_plan *plan = NULL;
    struct graft_error error = { 0 };
    struct arena arena = { 0 };
    char program[PATH_MAX];
    if (!pid && !launch_find(host, program)) {
        fprintf(stderr, "graft %s: %s: no such program\n", command->name, host);
        return EXIT_REFUSED;
    }
    int result = rule->table ? mapping_read_text(&wish.table, &arena, rule->table, &error) : 0;
    if (!result)
        result = pid ? decide_for_process(&plan, pid, rule->consumer, &wish, &error)
                     : decide_for_program(&plan, program, rule->consumer, &wish, library_path, &error);
    arena_free(&arena);
    if (result)
        return report_error(command, &error);
    json_t *decision = render_decision_json(plan);
    int status = plan->way == GRAFT_WAY_REFUSE ? EXIT_NEGATIVE : EXIT_DONE;
    graft_load_plan_free(plan);
    render_decisions(json_pack("[{s:s, s:o}]", "load", rule->consumer, "decision", decision), json);
    return status;
}
