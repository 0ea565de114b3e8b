/* SPDX-License-Identifier: MIT */
/* The least tool over libgraft-attach, for trying it without the command:
 *
 *   tool objects PID · tool plans PID · tool undo PID [PLAN]
 *   tool attach PID --rebind CONSUMER [--from GLOB] [--onto GLOB] [--partial] */

#include <graft/attach.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct graft_error error;

static int fail(void)
{
    fprintf(stderr, "tool: %s\n", error.text);
    return 3;
}

static int tell(const char *what, const struct graft_attach_result *result)
{
    printf("%s: plan %u, %zu slots, %zu threads stopped for %.1f us\n", what, result->plan, result->slots,
           result->threads, (double)result->stopped / 1000);
    return 0;
}

static int list_objects(struct graft_target *target)
{
    struct graft_objects *objects;
    if (graft_target_objects(target, &objects, &error))
        return fail();
    for (size_t i = 0; i < graft_objects_count(objects); i++) {
        const struct graft_object *o = graft_objects_get(objects, i);
        printf("%016lx %u %s", (unsigned long)o->start, o->space, o->path);
        for (size_t r = 0; r < o->runtime_count; r++)
            printf(" %s %s%s", o->runtime[r].tag, o->runtime[r].version, o->runtime[r].duplicate ? " duplicate" : "");
        putchar('\n');
    }
    graft_objects_free(objects);
    return 0;
}

static int list_plans(struct graft_target *target)
{
    struct graft_attach_plans *plans;
    if (graft_target_plans(target, &plans, &error))
        return fail();
    for (size_t i = 0; i < graft_target_plans_count(plans); i++) {
        const struct graft_attach_plan *p = graft_target_plans_get(plans, i);
        printf("plan %u: %zu slots, %s%s\n", p->plan, p->slots, p->label, p->interrupted ? " (interrupted)" : "");
    }
    graft_target_plans_free(plans);
    return 0;
}

static int rebind(struct graft_target *target, char **argument)
{
    struct graft_rebind request = { .size = sizeof request, .flags = GRAFT_CLOSURE };
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_plan *plan;
    for (; *argument; argument++)
        if (!strcmp(*argument, "--rebind")) request.consumer = *++argument;
        else if (!strcmp(*argument, "--from")) request.from = *++argument;
        else if (!strcmp(*argument, "--onto")) request.onto = *++argument;
        else if (!strcmp(*argument, "--partial")) request.flags |= GRAFT_PARTIAL;
    if (graft_target_plan_rebind(target, &plan, &request, &error))
        return fail();
    int code = graft_target_apply(target, plan, request.consumer, &result, &error);
    graft_target_plan_free(plan);
    return code ? fail() : tell("applied", &result);
}

int main(int argc, char **argv)
{
    struct graft_target *target;
    int status = 2;
    if (argc < 3)
        return status;
    if (graft_target_open(&target, atoi(argv[2]), &error))
        return fail();
    if (!strcmp(argv[1], "objects"))
        status = list_objects(target);
    else if (!strcmp(argv[1], "plans"))
        status = list_plans(target);
    else if (!strcmp(argv[1], "attach"))
        status = rebind(target, argv + 3);
    else if (!strcmp(argv[1], "undo")) {
        struct graft_attach_result result = { .size = sizeof result };
        unsigned plan = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
        status = graft_target_undo(target, plan, &result, &error) ? fail() : tell("undone", &result);
    }
    graft_target_close(target);
    return status;
}
