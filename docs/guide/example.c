/* SPDX-License-Identifier: MIT */
/* Opens a host library and a consumer, shows the plan that moves the consumer onto
 * the host, carries it out, and undoes it.
 *
 *   example HOST CONSUMER [DUPLICATE]
 *   cc example.c $(pkg-config --cflags --libs graft) -o example
 *
 * DUPLICATE names what the consumer should leave. Without it graft looks for an
 * interpreter that both HOST and something below CONSUMER are. */

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>

#include <graft/graft.h>

static int failed(const char *what, const struct graft_error *error)
{
    fprintf(stderr, "%s: %s: %s\n", what, graft_strerror(error->code), error->text);
    if (error->symbol[0])
        fprintf(stderr, "  it is about %s in %s\n", error->symbol, error->object);
    return 1;
}

static void *open_library(const char *path, int flags)
{
    void *handle = dlopen(path, flags);
    if (!handle)
        fprintf(stderr, "%s\n", dlerror());
    return handle;
}

static void show(const struct graft_plan *plan)
{
    for (size_t i = 0; i < graft_plan_count(plan); i++) {
        const struct graft_edit *edit = graft_plan_edit(plan, i);
        printf("%-11s %-9s %s%s%s: 0x%" PRIxPTR " -> 0x%" PRIxPTR " (%s)\n",
               graft_verdict_name(edit->verdict), graft_slot_kind_name(edit->kind), edit->symbol,
               edit->version ? "@" : "", edit->version ? edit->version : "", edit->old_value,
               edit->new_value, edit->new_object ? edit->new_object : graft_verdict_text(edit->verdict));
    }
}

/* Applies and undoes; between the two, the consumer uses the host. */
static int use(struct graft_plan *plan)
{
    struct graft_error error;
    if (graft_plan_apply(plan, &error))
        return failed("apply", &error);
    puts("applied: the consumer's calls reach the host now");
    if (graft_plan_undo(plan, &error))
        return failed("undo", &error);
    puts("undone: every slot holds what it held before");
    return 0;
}

int main(int count, char **arguments)
{
    struct graft_error error;
    struct graft_plan *plan;
    if (count < 3) {
        fprintf(stderr, "usage: example HOST CONSUMER [DUPLICATE]\n");
        return 2;
    }
    void *host = open_library(arguments[1], RTLD_NOW | RTLD_LOCAL);
    void *consumer = host ? open_library(arguments[2], RTLD_LAZY | RTLD_LOCAL) : NULL;
    if (!consumer)
        return 1;
    struct graft_rebind rebind = {
        .size = sizeof rebind,
        .handle = consumer,
        .onto = arguments[1],
        .from = count > 3 ? arguments[3] : NULL,
        .flags = GRAFT_CLOSURE,
    };
    if (graft_plan_rebind(&plan, &rebind, &error))
        return failed("plan", &error);
    show(plan);
    int status = use(plan);
    graft_plan_free(plan);
    dlclose(consumer);
    dlclose(host);
    return status;
}
