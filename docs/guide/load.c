/* SPDX-License-Identifier: MIT */
/* Opens a host library, shows how a consumer of the same runtime would be loaded, and
 * loads it so that it uses the host.
 *
 *   load HOST CONSUMER [DUPLICATE]
 *   cc load.c $(pkg-config --cflags --libs graft) -o load
 *
 * DUPLICATE names what CONSUMER shall not bring. Without it graft looks for an
 * interpreter that both HOST and something below CONSUMER are. */

#include <dlfcn.h>
#include <stdio.h>

#include <graft/load.h>

static int failed(const struct graft_error *error)
{
    fprintf(stderr, "%s: %s\n", graft_strerror(error->code), error->text);
    return 1;
}

static void show(const struct graft_load_plan *plan)
{
    const struct graft_load_object *object;
    const struct graft_load_symbol *symbol;
    printf("%s: %s\n", graft_way_name(graft_load_plan_way(plan)), graft_load_plan_reason(plan));
    for (size_t i = 0; (object = graft_load_plan_object(plan, i)); i++)
        printf("  %-10s %s%s\n", graft_fate_name(object->fate), object->path ? object->path : object->name,
               object->opened ? "" : " (is not mapped)");
    for (size_t i = 0; (symbol = graft_load_plan_symbol(plan, i)); i++)
        if (symbol->binding != GRAFT_BINDING_BOUND)
            printf("  %-10s %s: %s\n", graft_binding_name(symbol->binding), symbol->name, symbol->reason);
}

int main(int count, char **arguments)
{
    struct graft_load wish = { .size = sizeof(wish), .onto = arguments[1], .from = count > 3 ? arguments[3] : NULL };
    struct graft_load_plan *plan;
    struct graft_error error;
    void *consumer;
    if (count < 3)
        return fputs("usage: load HOST CONSUMER [DUPLICATE]\n", stderr), 2;
    if (!dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL))
        return fprintf(stderr, "%s\n", dlerror()), 1;
    if (graft_plan_load(&plan, arguments[2], RTLD_NOW | RTLD_LOCAL, &wish, &error))
        return failed(&error);
    show(plan);
    graft_load_plan_free(plan);
    if (graft_load(arguments[2], RTLD_NOW | RTLD_LOCAL, &wish, &consumer, &error))
        return failed(&error);
    puts("loaded");
    return dlclose(consumer) ? 1 : 0;
}
