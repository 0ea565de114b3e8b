/* SPDX-License-Identifier: MIT */
/* The fixtures inside a test's process. */

#include "fixture.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

const char *fixture_path(const char *file)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    const char *build = getenv("BUILD");
    char *path = paths[next++ % 4], folder[PATH_MAX - 256];
    snprintf(folder, sizeof(folder), "%s/fixtures", build ? build : "build");
    char *full = realpath(folder, NULL);
    snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 256, full ? full : folder, file);
    free(full);
    return path;
}

void *fixture_open(const char *file, int flags)
{
    void *handle = dlopen(fixture_path(file), flags);
    if (!handle)
        fail_msg("%s", dlerror());
    return handle;
}

void *fixture_provider(const char *file, int flags)
{
    void *provider = fixture_open(file, RTLD_NOW | flags);
    int *live = dlsym(provider, "fix_live"), *weak = dlsym(provider, "fix_live_weak");
    assert_non_null(live);
    assert_non_null(weak);
    *live = *weak = PROBE_LIVE;
    return provider;
}

size_t fixture_consumers(struct consumer *c, size_t room)
{
    FILE *matrix = fopen(fixture_path("matrix.txt"), "r");
    char line[512];
    size_t count = 0;
    assert_non_null(matrix);
    while (count < room && fgets(line, sizeof(line), matrix))
        count += line[0] != '#'
              && sscanf(line, "%127s %7s %7s %7s %7s %7s %7s %7s %7s", c[count].file, c[count].linker,
                        c[count].bind, c[count].plt, c[count].relro, c[count].hash, c[count].versions,
                        c[count].relr, c[count].tls) == 9;
    fclose(matrix);
    return count;
}

int fixture_ask(void *consumer, const char *probe)
{
    char name[128];
    int (*function)(void);
    snprintf(name, sizeof(name), "consumer_%s", probe);
    void *address = dlsym(consumer, name);
    assert_non_null(address);
    memcpy(&function, &address, sizeof(function));
    return function();
}

void fixture_expect(void *consumer, enum fixture_column column, const struct probe_setting *in)
{
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++) {
        const struct probe *probe = &fixture_probes[i];
        int want = (int)(column == BEFORE ? probe_before(probe, in) : column == AFTER ? probe_after(probe, in)
                                                                    : probe_flat(probe, in));
        int answer = fixture_ask(consumer, probe->name);
        if (answer != want)
            fail_msg("%s answers %d, not %d", probe->name, answer, want);
    }
}

struct graft_plan *fixture_plan(void *consumer, const char *onto, unsigned flags, const char *only)
{
    struct graft_rebind rebind = { .size = sizeof(rebind), .handle = consumer, .from = "libfixdup*",
                                   .onto = onto, .only = only, .flags = flags };
    struct graft_error error;
    struct graft_plan *plan = NULL;
    if (graft_plan_rebind(&plan, &rebind, &error))
        fail_msg("plan: %s", error.text);
    return plan;
}

void fixture_apply(struct graft_plan *plan)
{
    struct graft_error error;
    if (graft_plan_apply(plan, &error))
        fail_msg("apply: %s", error.text);
}

void fixture_undo(struct graft_plan *plan)
{
    struct graft_error error;
    if (graft_plan_undo(plan, &error))
        fail_msg("undo: %s", error.text);
}

const struct graft_edit *fixture_edit(const struct graft_plan *plan, const char *symbol, int kind)
{
    for (size_t i = 0; i < graft_plan_count(plan); i++) {
        const struct graft_edit *edit = graft_plan_edit(plan, i);
        if (!strcmp(edit->symbol, symbol) && (kind < 0 || (int)edit->kind == kind))
            return edit;
    }
    fail_msg("the plan has no entry for %s", symbol);
    return NULL;
}

uintptr_t fixture_word(uintptr_t address)
{
    return __atomic_load_n((uintptr_t *)address, __ATOMIC_RELAXED);
}
