/* SPDX-License-Identifier: MIT */
/* How long a target stands still while slots are written: medians, as JSON.
 *
 *   stop_time [ROUNDS]     from the project's folder, with BUILD set */

#include <graft/attach.h>

#include "fixture.h"

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void fail(const char *what, const struct graft_error *error)
{
    fprintf(stderr, "stop_time: %s: %s\n", what, error->text);
    exit(1);
}

static uint64_t apply_and_undo(struct graft_target *target, const char *consumer, size_t slots)
{
    struct graft_rebind request = { .size = sizeof request, .consumer = consumer, .from = "libattachdup*",
                                    .onto = "libattachhost*" };
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_plan *plan;
    struct graft_error error;
    if (graft_target_plan_rebind(target, &plan, &request, &error))
        fail("plan", &error);
    if (graft_target_apply(target, plan, NULL, &result, &error) || result.slots != slots)
        fail("apply", &error);
    uint64_t stopped = result.stopped;
    if (graft_target_undo(target, 0, &result, &error))
        fail("undo", &error);
    graft_target_plan_free(plan);
    return stopped;
}

/* @busy: the threads call through the slots all the time; else they sleep. */
static void measure(int slots, int threads, bool busy, int rounds, bool first)
{
    char consumer[64], number[16];
    uint64_t *time = calloc((size_t)rounds, sizeof *time);
    struct graft_target *target;
    struct graft_error error;
    snprintf(consumer, sizeof consumer, "libattach%d-now.so", slots);
    snprintf(number, sizeof number, "%d", threads - 1);
    struct target t = fixture_start(0, "target", "--host", fixture_path("libattachhost.so"), "--consumer",
                                    fixture_path(consumer), "--threads", number, busy ? NULL : "--hold-lazy", NULL);
    if (!time || graft_target_open(&target, t.pid, &error))
        fail("open", &error);
    for (int i = 0; i < rounds; i++)
        time[i] = apply_and_undo(target, consumer, (size_t)slots);
    qsort(time, (size_t)rounds, sizeof *time, by_value);
    printf("%s\n  {\"slots\":%d,\"threads\":%d,\"busy\":%s,\"median_us\":%.1f,\"p95_us\":%.1f,\"max_us\":%.1f}",
           first ? "" : ",", slots, threads, busy ? "true" : "false", (double)time[rounds / 2] / 1000,
           (double)time[rounds * 95 / 100] / 1000, (double)time[rounds - 1] / 1000);
    fflush(stdout);
    graft_target_close(target);
    fixture_end(&t);
    free(time);
}

int main(int argc, char **argv)
{
    static const int slots[] = { 10, 100, 1000 }, threads[] = { 1, 4, 16 };
    int rounds = argc > 1 ? atoi(argv[1]) : 101;
    bool first = true;
    char runtime_dir[] = "/tmp/graft-bench-XXXXXX";
    if (rounds < 1 || !fixture_build() || !mkdtemp(runtime_dir))
        return 1;
    setenv("XDG_RUNTIME_DIR", runtime_dir, 1);
    printf("{\"benchmark\":\"stop_time\",\"rounds\":%d,\"results\":[", rounds);
    for (int busy = 0; busy < 2; busy++)
        for (size_t s = 0; s < 3; s++)
            for (size_t t = 0; t < 3; t++) {
                measure(slots[s], threads[t], busy, rounds, first);
                first = false;
            }
    printf("\n]}\n");
    char graft[64];
    snprintf(graft, sizeof graft, "%s/graft", runtime_dir);
    rmdir(graft);
    rmdir(runtime_dir);
    return 0;
}
