/* SPDX-License-Identifier: MIT */
/* What hook_matrix.sh does in a fixture host (libhookact.so, preloaded): hooks every
 * function of both runtimes, asks the consumer all probes, takes the hooks out again.
 *
 *   cold         before anything was called through the consumer
 *   warm         after everything was
 *
 * ACT_RUNTIME names the host's runtime. Invariant: an answer counts the hooks that were
 * passed, and of which runtime; protections and what lies in the consumer's file stay as
 * they were. Returns 0, or says what is wrong and returns another number. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <graft/hook.h>
#include <graft/plan.h>

#include "../fixtures/probes.h"
#include "../fixtures/wrappers.h"

int fixture_act(void *consumer, const char *what);

enum { BYTES_MAX = 1 << 20 };

static struct graft_hook hooks[2 * FUNCTIONS_COUNT];
static size_t hook_count;

static int failed(const char *what, const char *detail)
{
    printf("act failed: %s %s\n", what, detail);
    return 1;
}

/* What a runtime does not export is left out; a hook that is missing shows in an answer.
 * An unversioned definition is the old version as well. */
static void ask_for(const char *of, int which, bool versioned)
{
    for (size_t i = 0; i < FUNCTIONS_COUNT; i++) {
        bool old = !strcmp(functions[i].symbol, "fix_old");
        struct graft_hook *hook = &hooks[hook_count];
        struct graft_plan *plan = NULL;
        *hook = (struct graft_hook){ .size = sizeof *hook, .symbol = old ? "fix_versioned" : functions[i].symbol,
                                     .version = old ? "FIX_1" : NULL, .of = of, .replacement = functions[i].wrap[which],
                                     .original = functions[i].original[which] };
        if (old && !versioned)
            continue;
        if (!graft_plan_hook(&plan, hook, 1, NULL))
            hook_count++;
        graft_plan_free(plan);
    }
}

static int expected(const char *probe, int before)
{
    if (!is_function(probe) || (before != PROBE_PROVIDER && before != PROBE_DUPLICATE))
        return before;
    /* its own call of fix_call is hooked as well, which it tells; an executable's is direct */
    bool direct = before == PROBE_PROVIDER && !strcmp(getenv("ACT_RUNTIME"), "main");
    return (strcmp(probe, "nested") || direct ? before : PROBE_MIXED)
         + (before == PROBE_PROVIDER ? OF_PROVIDER : OF_DUPLICATE);
}

static int ask(void *consumer, const char *probe)
{
    char name[64];
    int (*function)(void);
    snprintf(name, sizeof name, "consumer_%s", probe);
    *(void **)&function = dlsym(consumer, name);
    return function ? function() : PROBE_BROKEN;
}

struct bytes { size_t count; unsigned char at[BYTES_MAX]; };

static int copy_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct bytes *bytes = arg;
    (void)size;
    if (!strstr(info->dlpi_name, "/libconsumer") && !strstr(info->dlpi_name, "/libmiddle")
        && !strstr(info->dlpi_name, "/libfix"))
        return 0;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_R) || p->p_filesz > BYTES_MAX - bytes->count)
            continue;
        memcpy(bytes->at + bytes->count, (const void *)(info->dlpi_addr + p->p_vaddr), p->p_filesz);
        bytes->count += p->p_filesz;
    }
    return 0;
}

static void copy_bytes(struct bytes *bytes)
{
    bytes->count = 0;
    dl_iterate_phdr(copy_segments, bytes);
}

static void ask_all(void *consumer, int *answers)
{
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++)
        answers[i] = ask(consumer, fixture_probes[i].name);
}

static int hook(struct graft_plan **plan)
{
    struct graft_error error;
    if (graft_plan_hook(plan, hooks, hook_count, &error) || graft_plan_apply(*plan, &error))
        return failed("hook:", error.text);
    return 0;
}

static int unhook(struct graft_plan *plan)
{
    struct graft_error error;
    if (graft_plan_undo(plan, &error))
        return failed("undo:", error.text);
    graft_plan_free(plan);
    return 0;
}

/* Between the two copies nothing but graft writes there, once all slots are resolved. */
int fixture_act(void *consumer, const char *what)
{
    static struct bytes before, after;
    int plain[FIXTURE_PROBE_COUNT], hooked[FIXTURE_PROBE_COUNT], again[FIXTURE_PROBE_COUNT], wrong = 0;
    bool warm = !strcmp(what, "warm");
    struct graft_plan *plan = NULL;
    hook_count = 0;
    const char *runtime = getenv("ACT_RUNTIME");
    struct link_map *map;
    if (dlinfo(consumer, RTLD_DI_LINKMAP, &map))
        return failed("dlinfo", "");
    ask_for(runtime, 0, !strstr(runtime, "unversioned") && !strstr(runtime, "v2only") && strcmp(runtime, "main"));
    ask_for("libfixdup*", 1, !strstr(map->l_name, "-unver-"));
    if (hook_count < 2 * FUNCTIONS_COUNT - 7)
        return failed("too few functions can be hooked", "");
    if (warm)
        ask_all(consumer, plain);
    copy_bytes(&before);
    if (hook(&plan))
        return 2;
    ask_all(consumer, hooked);
    if (unhook(plan))
        return 3;
    copy_bytes(&after);
    if (warm && (before.count != after.count || memcmp(before.at, after.at, before.count)))
        wrong = failed("other bytes are left", "");
    ask_all(consumer, again);
    if (!warm)
        memcpy(plain, again, sizeof plain);
    for (size_t i = 0; i < FIXTURE_PROBE_COUNT; i++) {
        const char *name = fixture_probes[i].name;
        if (hooked[i] == expected(name, plain[i]) && again[i] == plain[i])
            continue;
        printf("act failed: %s: %d, hooked %d (not %d), then %d\n", name, plain[i], hooked[i], expected(name, plain[i]),
               again[i]);
        wrong = 4;
    }
    return wrong;
}
