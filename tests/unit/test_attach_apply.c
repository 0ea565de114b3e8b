/* SPDX-License-Identifier: MIT */
/* Writing into another process, undoing it, and what may go wrong meanwhile. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <graft/attach.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/ptrace.h>

#include "attach/apply.h"
#include "plan/plan.h"
#include "e2e/attach/fixture.h"

enum { ALL_HOST = SLOTS * HOST, ALL_DUPLICATE = SLOTS * DUPLICATE, THIRD = 3, KILLS = 20 };

static char runtime_dir[] = "/tmp/graft-test-XXXXXX";

/* ---- helpers ------------------------------------------------------------ */

static struct target start(const char *bind, ...)
{
    char consumer[64], *more[8] = { NULL };
    va_list list;
    va_start(list, bind);
    for (int i = 0; i < 7 && (more[i] = va_arg(list, char *)); i++)
        ;
    va_end(list);
    snprintf(consumer, sizeof consumer, "libattach1000-%s.so", bind);
    struct target t = fixture_start(0, "target", "--host", fixture_path("libattachhost.so"), "--consumer",
                                    fixture_path(consumer), more[0], more[1], more[2], more[3], more[4], more[5],
                                    NULL);
    assert_int_equal(t.shared->ready, 1);
    return t;
}

static struct graft_target *open_target(const struct target *t)
{
    struct graft_target *target = NULL;
    struct graft_error error;
    if (graft_target_open(&target, t->pid, &error))
        fail_msg("%s", error.text);
    return target;
}

static struct graft_plan *plan(struct graft_target *target, const char *from, const char *onto, const char *only)
{
    struct graft_rebind request = { .size = sizeof request, .consumer = "libattach1000-*", .from = from,
                                    .onto = onto, .only = only };
    struct graft_plan *made = NULL;
    struct graft_error error;
    if (graft_target_plan_rebind(target, &made, &request, &error))
        fail_msg("%s", error.text);
    return made;
}

static int apply_moving(struct graft_target *target, const char *from, const char *onto, const char *only,
                        struct graft_attach_result *result, struct graft_error *error)
{
    struct graft_plan *made = plan(target, from, onto, only);
    result->size = sizeof *result;
    int code = graft_target_apply(target, made, "test", result, error);
    graft_target_plan_free(made);
    return code;
}

static int apply(struct graft_target *target, struct graft_attach_result *result, struct graft_error *error)
{
    return apply_moving(target, "libattachdup*", "libattachhost*", NULL, result, error);
}

static void must(int code, const struct graft_error *error)
{
    if (code)
        fail_msg("%d: %s", code, error->text);
}

static void must_apply(struct graft_target *target)
{
    struct graft_attach_result result;
    struct graft_error error;
    must(apply(target, &result, &error), &error);
    assert_int_equal(result.slots, SLOTS);
}

static void must_undo(struct graft_target *target, unsigned id)
{
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error;
    must(graft_target_undo(target, id, &result, &error), &error);
}

/* The sum of a call that began after now. */
static uint32_t next_sum(const struct target *t)
{
    assert_true(fixture_passes(&t->shared->calls, t->shared->calls + 4));
    return t->shared->sum;
}

static int tracer_of(pid_t pid)
{
    char path[64], line[256];
    int tracer = -1;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = fopen(path, "r");
    while (status && fgets(line, sizeof line, status))
        sscanf(line, "TracerPid: %d", &tracer);
    if (status)
        fclose(status);
    return tracer;
}

static int files_remembered(void)
{
    char path[64];
    int n = 0;
    snprintf(path, sizeof path, "%s/graft", runtime_dir);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        n += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

static int make_runtime_dir(void **state)
{
    (void)state;
    return !mkdtemp(runtime_dir) || setenv("XDG_RUNTIME_DIR", runtime_dir, 1);
}

static int remove_runtime_dir(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", runtime_dir);
    return system(command);
}

/* ---- apply and undo ----------------------------------------------------- */

static void apply_moves_every_slot_and_undo_brings_it_back(void **state)
{
    struct target t = start("now", "--threads", "2", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error;
    (void)state;
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    must(apply(target, &result, &error), &error);
    assert_int_equal(result.slots, SLOTS);
    assert_int_equal(result.threads, 3);
    assert_int_equal(result.stops, 1);
    assert_true(result.stopped > 0 && result.stopped < 1000000000);
    assert_int_equal(next_sum(&t), ALL_HOST);
    assert_int_equal(files_remembered(), 1);
    must_undo(target, result.plan);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    assert_int_equal(files_remembered(), 0);
    assert_int_equal(tracer_of(t.pid), 0);
    assert_int_equal(graft_target_undo(target, 0, &result, &error), -GRAFT_ESTATE);
    graft_target_close(target);
    fixture_end(&t);
}

static void another_run_of_the_tool_can_undo(void **state)
{
    struct target t = start("now", "--threads", "1", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_attach_plans *plans;
    struct graft_error error;
    (void)state;
    must_apply(target);
    graft_target_close(target);
    target = open_target(&t);
    must(graft_target_plans(target, &plans, &error), &error);
    assert_int_equal(graft_target_plans_count(plans), 1);
    assert_string_equal(graft_target_plans_get(plans, 0)->label, "test");
    assert_int_equal(graft_target_plans_get(plans, 0)->slots, SLOTS);
    assert_int_equal(graft_target_plans_get(plans, 0)->interrupted, 0);
    assert_null(graft_target_plans_get(plans, 1));
    graft_target_plans_free(plans);
    must_undo(target, 0);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    graft_target_close(target);
    fixture_end(&t);
}

static struct target start_with_third(void)
{
    struct target t = fixture_start(0, "target", "--host", fixture_path("libattachhost.so"), "--also",
                                    fixture_path("libattachthird.so"), "--consumer",
                                    fixture_path("libattach1000-now.so"), "--threads", "1", NULL);
    assert_int_equal(t.shared->ready, 1);
    return t;
}

static void two_plans_are_undone_in_any_order(void **state)
{
    const uint32_t part = 111,      /* of the 1,000 numbers begin with a 1 */
                   both = ALL_HOST + part * (THIRD - HOST);
    const struct { unsigned first, second; uint32_t between; } orders[] = {
        { 2, 1, ALL_HOST }, { 1, 2, ALL_DUPLICATE + part * (THIRD - DUPLICATE) } };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct target t = start_with_third();
        struct graft_target *target = open_target(&t);
        struct graft_attach_result result;
        struct graft_error error;
        must_apply(target);
        must(apply_moving(target, "libattachhost*", "libattachthird*", "attach_function_1*", &result, &error),
             &error);
        assert_int_equal(result.slots, part);
        assert_int_equal(result.plan, 2);
        assert_int_equal(next_sum(&t), both);
        must_undo(target, orders[i].first);
        assert_int_equal(next_sum(&t), orders[i].between);
        must_undo(target, orders[i].second);
        assert_int_equal(next_sum(&t), ALL_DUPLICATE);
        assert_int_equal(files_remembered(), 0);
        graft_target_close(target);
        fixture_end(&t);
    }
}

static void all_plans_are_undone_at_once(void **state)
{
    struct target t = start_with_third();
    struct graft_target *target = open_target(&t);
    struct graft_attach_result result;
    struct graft_error error;
    (void)state;
    must_apply(target);
    must(apply_moving(target, "libattachhost*", "libattachthird*", "attach_function_1*", &result, &error),
         &error);
    must(graft_target_undo(target, 0, &result, &error), &error);
    assert_int_equal(result.stops, 1);
    assert_int_equal(result.slots, SLOTS);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    graft_target_close(target);
    fixture_end(&t);
}

static void a_kernel_that_forbids_writing_through_procfs_is_served_by_ptrace(void **state)
{
    struct target t = start("now", "--threads", "1", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error = { 0 };
    struct process process;
    (void)state;
    must(process_open(&process, t.pid, &error), &error);
    close(process.memory);
    process.memory = openat(process.directory, "mem", O_RDONLY | O_CLOEXEC);
    must(attach_apply(&process, made, "", &result, &error), &error);
    assert_int_equal(next_sum(&t), ALL_HOST);
    must(attach_undo(&process, 0, &result, &error), &error);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    process_close(&process);
    graft_target_plan_free(made);
    graft_target_close(target);
    fixture_end(&t);
}

/* ---- lazy slots --------------------------------------------------------- */

static void unresolved_slots_are_moved_and_go_back_unresolved(void **state)
{
    struct target t = start("lazy", "--threads", "1", "--hold-lazy", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
    (void)state;
    assert_int_equal(graft_plan_edit(made, 0)->verdict, GRAFT_VERDICT_LAZY);
    graft_target_plan_free(made);
    must_apply(target);
    must_undo(target, 0);
    made = plan(target, "libattachdup*", "libattachhost*", NULL);
    assert_int_equal(graft_plan_edit(made, 0)->verdict, GRAFT_VERDICT_LAZY);
    graft_target_plan_free(made);
    must_apply(target);
    t.shared->call_lazily = 1;
    assert_int_equal(next_sum(&t), ALL_HOST);
    graft_target_close(target);
    fixture_end(&t);
}

static void slots_that_are_resolved_meanwhile_are_not_lost(void **state)
{
    (void)state;
    for (int i = 0; i < 25; i++) {
        struct target t = start("lazy", "--threads", "4", "--hold-lazy", NULL);
        struct graft_target *target = open_target(&t);
        struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
        struct graft_attach_result result = { .size = sizeof result };
        struct graft_error error;
        t.shared->call_lazily = 1;
        fixture_sleep((unsigned)i * 23);
        must(graft_target_apply(target, made, NULL, &result, &error), &error);
        assert_int_equal(next_sum(&t), ALL_HOST);
        graft_target_plan_free(made);
        graft_target_close(target);
        fixture_end(&t);
    }
}

/* ---- a target that is busy ---------------------------------------------- */

static void system_calls_are_not_broken_off(void **state)
{
    struct target t = start("now", "--threads", "1", "--blocked", NULL);
    struct graft_target *target = open_target(&t);
    (void)state;
    for (int i = 0; i < 30; i++) {
        must_apply(target);
        must_undo(target, 0);
    }
    uint64_t before = t.shared->blocked_calls;
    assert_true(fixture_passes(&t.shared->blocked_calls, before + 10));
    assert_int_equal(t.shared->interrupted, 0);
    graft_target_close(target);
    fixture_end(&t);
}

struct sender { pid_t pid; struct shared *shared; _Atomic int stop; uint64_t sent, lost; };

/* A thousand signals a second, each waited for: one that is pending already would
 * swallow the next. */
static void *send_signals(void *arg)
{
    struct sender *sender = arg;
    while (!sender->stop) {
        uint64_t before = sender->shared->signals;
        kill(sender->pid, SIGUSR1);
        sender->sent++;
        sender->lost += !fixture_passes(&sender->shared->signals, before);
        fixture_sleep(900);
    }
    return NULL;
}

static void signals_are_not_lost(void **state)
{
    struct target t = start("now", "--threads", "4", NULL);
    struct graft_target *target = open_target(&t);
    struct sender sender = { .pid = t.pid, .shared = t.shared };
    pthread_t thread;
    (void)state;
    pthread_create(&thread, NULL, send_signals, &sender);
    for (int i = 0; i < 40; i++) {
        must_apply(target);
        must_undo(target, 0);
    }
    sender.stop = 1;
    pthread_join(thread, NULL);
    assert_true(sender.sent > 20);
    assert_int_equal(sender.lost, 0);
    assert_int_equal(t.shared->signals, sender.sent);
    graft_target_close(target);
    fixture_end(&t);
}

static void threads_that_come_and_go_are_held_too(void **state)
{
    struct target t = start("now", "--threads", "1", "--churn", NULL);
    struct graft_target *target = open_target(&t);
    (void)state;
    for (int i = 0; i < 25; i++) {
        must_apply(target);
        assert_int_equal(next_sum(&t), ALL_HOST);
        must_undo(target, 0);
        assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    }
    assert_true(fixture_passes(&t.shared->started, t.shared->started + 100));
    graft_target_close(target);
    fixture_end(&t);
}

static void libraries_that_come_and_go_do_not_disturb(void **state)
{
    struct target t = start("now", "--threads", "1", "--reload", fixture_path("libattachthird.so"), NULL);
    struct graft_target *target = open_target(&t);
    (void)state;
    for (int i = 0; i < 20; i++) {
        must_apply(target);
        assert_int_equal(next_sum(&t), ALL_HOST);
        must_undo(target, 0);
        assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    }
    assert_true(fixture_lives(&t));
    graft_target_close(target);
    fixture_end(&t);
}

static void a_process_whose_first_thread_has_ended_is_refused(void **state)
{
    struct target t = start("now", "--threads", "2", "--leader-exits", NULL);
    struct graft_error error;
    struct graft_target *target;
    (void)state;
    int code = 0;
    for (int i = 0; i < 2000 && !(code && strstr(error.text, "first thread")); i++) {
        code = graft_target_open(&target, t.pid, &error);   /* until it has ended */
        if (!code)
            graft_target_close(target);
        fixture_sleep(1000);
    }
    assert_int_equal(code, -GRAFT_EGONE);
    assert_non_null(strstr(error.text, "first thread"));
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    fixture_end(&t);
}

/* ---- refusals: the target stays as it was ------------------------------- */

static void a_stopped_process_is_refused(void **state)
{
    struct target t = start("now", "--threads", "2", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_attach_result result;
    struct graft_error error;
    (void)state;
    kill(t.pid, SIGSTOP);
    fixture_sleep(20000);
    assert_int_equal(apply(target, &result, &error), -GRAFT_ESTOPPED);
    assert_non_null(strstr(error.text, "kill -CONT"));
    assert_int_equal(files_remembered(), 0);
    kill(t.pid, SIGCONT);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    must_apply(target);
    assert_int_equal(next_sum(&t), ALL_HOST);
    graft_target_close(target);
    fixture_end(&t);
}

static void a_traced_process_is_refused(void **state)
{
    struct target t = start("now", "--threads", "1", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_attach_result result;
    struct graft_error error;
    int pipes[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    pid_t tracer = fork();
    if (!tracer) {
        bool ok = !ptrace(PTRACE_SEIZE, t.pid, NULL, NULL);
        if (write(pipes[1], ok ? "y" : "n", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(apply(target, &result, &error), -GRAFT_ETRACED);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    kill(tracer, SIGKILL);
    waitpid(tracer, NULL, 0);
    must_apply(target);
    graft_target_close(target);
    fixture_end(&t);
}

static void a_slot_that_changed_since_the_plan_is_stale(void **state)
{
    struct target t = start("now", "--threads", "1", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error;
    (void)state;
    must_apply(target);
    assert_int_equal(graft_target_apply(target, made, NULL, &result, &error), -GRAFT_ESTALE);
    assert_non_null(strstr(error.text, "the plan saw"));
    assert_int_equal(next_sum(&t), ALL_HOST);
    must_undo(target, 0);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    graft_target_plan_free(made);
    graft_target_close(target);
    fixture_end(&t);
}

static void another_build_in_the_place_of_an_object_is_refused(void **state)
{
    struct target t = start("now", "--threads", "1", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error;
    (void)state;
    plan_member(made, 0)->build_id[3] ^= 1;
    assert_int_equal(graft_target_apply(target, made, NULL, &result, &error), -GRAFT_EBUILDID);
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    assert_int_equal(files_remembered(), 0);
    graft_target_plan_free(made);
    graft_target_close(target);
    fixture_end(&t);
}

static void poke(const struct target *t, uint64_t address, uint64_t value)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", t->pid);
    int file = open(path, O_RDWR);
    assert_int_equal(pwrite(file, &value, sizeof value, (off_t)address), sizeof value);
    close(file);
}

static uint64_t peek(const struct target *t, uint64_t address)
{
    char path[64];
    uint64_t value = 0;
    snprintf(path, sizeof path, "/proc/%d/mem", t->pid);
    int file = open(path, O_RDONLY);
    assert_int_equal(pread(file, &value, sizeof value, (off_t)address), sizeof value);
    close(file);
    return value;
}

static void undo_leaves_what_somebody_else_has_written(void **state)
{
    struct target t = start("now", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error;
    uint64_t slot = graft_plan_edit(made, 7)->slot, other = graft_plan_edit(made, 8)->slot;
    uint64_t before = graft_plan_edit(made, 8)->old_value;
    (void)state;
    must(graft_target_apply(target, made, NULL, &result, &error), &error);
    poke(&t, slot, 4711);
    assert_int_equal(graft_target_undo(target, 0, &result, &error), -GRAFT_ESTALE);
    assert_int_equal(result.slots, SLOTS - 1);
    assert_int_equal(peek(&t, slot), 4711);
    assert_int_equal(peek(&t, other), before);
    graft_target_plan_free(made);
    graft_target_close(target);
    fixture_end(&t);
}

static void a_process_that_ends_meanwhile_is_gone(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct target t = start("now", "--threads", "4", NULL);
        struct graft_target *target = open_target(&t);
        struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
        struct graft_attach_result result = { .size = sizeof result };
        struct graft_error error;
        pid_t killer = fork();
        if (!killer) {
            fixture_sleep((unsigned)i * 60);
            kill(t.pid, SIGKILL);
            _exit(0);
        }
        int code = graft_target_apply(target, made, NULL, &result, &error);
        if (code && code != -GRAFT_EGONE)
            fail_msg("%d: %s", code, error.text);
        waitpid(killer, NULL, 0);
        assert_int_equal(waitpid(t.pid, NULL, 0), t.pid);       /* its end was left to us */
        graft_target_plan_free(made);
        graft_target_close(target);
        munmap(t.shared, sizeof *t.shared);
    }
}

/* ---- what is remembered ------------------------------------------------- */

static void state_path(const struct target *t, char path[128])
{
    char stat[64], text[1024] = "";
    uint64_t start_time = 0;
    snprintf(stat, sizeof stat, "/proc/%d/stat", t->pid);
    FILE *file = fopen(stat, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    fclose(file);
    sscanf(strrchr(text, ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %"
           SCNu64, &start_time);
    snprintf(path, 128, "%s/graft/%d-%" PRIu64 ".json", runtime_dir, t->pid, start_time);
}

static void replace_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void a_damaged_file_is_not_believed(void **state)
{
    struct target t = start("now", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_attach_result result = { .size = sizeof result };
    struct graft_error error;
    static char good[1 << 20], bad[1 << 20];
    char path[128];
    (void)state;
    must_apply(target);
    state_path(&t, path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(good, 1, sizeof good, file);
    fclose(file);
    for (size_t i = 0; i < 200; i++) {
        size_t cut = size * i / 200;
        replace_file(path, good, cut);
        assert_int_equal(graft_target_undo(target, 0, &result, &error), -GRAFT_EFORMAT);
    }
    for (size_t i = 0; i < 200; i++) {      /* whatever a flipped byte means, nobody crashes */
        memcpy(bad, good, size);
        bad[i * 61 % size] ^= (char)(1 + i % 7);
        replace_file(path, bad, size);
        struct graft_attach_plans *plans;
        if (!graft_target_plans(target, &plans, &error))
            graft_target_plans_free(plans);
    }
    memcpy(bad, good, size);
    char *id = memmem(bad, size, "\"build_id\":\"", 12);
    assert_non_null(id);
    id[12] = id[12] == '0' ? '1' : '0';
    replace_file(path, bad, size);
    assert_int_equal(graft_target_undo(target, 0, &result, &error), -GRAFT_EBUILDID);
    replace_file(path, good, size);
    must_undo(target, 0);
    graft_target_close(target);
    fixture_end(&t);
}

/* As if the tool had been killed half way: half of the slots are as before, and the
 * file says "applying". */
static void interrupt_plan(const struct target *t, struct graft_plan *made)
{
    static char text[1 << 20];
    char path[128];
    state_path(t, path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 3, file);
    fclose(file);
    text[size] = '\0';
    char *state = strstr(text, "\"applied\"");
    assert_non_null(state);
    memmove(state + 10, state + 9, size - (size_t)(state + 9 - text) + 1);
    memcpy(state, "\"applying\"", 10);
    replace_file(path, text, size + 1);
    for (size_t i = 0; i < SLOTS; i += 2)
        poke(t, graft_plan_edit(made, i)->slot, graft_plan_edit(made, i)->old_value);
}

static void a_half_applied_plan_is_undone_and_can_be_made_whole(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        struct target t = start("now", "--threads", "1", NULL);
        struct graft_target *target = open_target(&t);
        struct graft_plan *made = plan(target, "libattachdup*", "libattachhost*", NULL);
        struct graft_attach_result result = { .size = sizeof result };
        struct graft_attach_plans *plans;
        struct graft_error error;
        must(graft_target_apply(target, made, NULL, &result, &error), &error);
        interrupt_plan(&t, made);
        assert_int_equal(next_sum(&t), SLOTS / 2 * HOST + SLOTS / 2 * DUPLICATE);
        must(graft_target_plans(target, &plans, &error), &error);
        assert_int_equal(graft_target_plans_get(plans, 0)->interrupted, 1);
        graft_target_plans_free(plans);
        if (whole) {
            must(apply(target, &result, &error), &error);
            assert_int_equal(result.slots, SLOTS / 2);
            assert_int_equal(next_sum(&t), ALL_HOST);
        }
        must(graft_target_undo(target, 0, &result, &error), &error);
        assert_int_equal(result.slots, whole ? SLOTS : SLOTS / 2);
        assert_int_equal(next_sum(&t), ALL_DUPLICATE);
        graft_target_plan_free(made);
        graft_target_close(target);
        fixture_end(&t);
    }
}

static void files_of_processes_that_are_gone_are_removed(void **state)
{
    struct target t = start("now", NULL), other = start("now", NULL);
    struct graft_target *target = open_target(&t);
    (void)state;
    must_apply(target);
    graft_target_close(target);
    assert_int_equal(files_remembered(), 1);
    fixture_end(&t);
    target = open_target(&other);
    must_apply(target);
    assert_int_equal(files_remembered(), 1);
    must_undo(target, 0);
    graft_target_close(target);
    fixture_end(&other);
}

static void without_a_place_to_remember_nothing_is_written(void **state)
{
    struct target t = start("now", "--threads", "1", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_attach_result result;
    struct graft_error error;
    char path[128];
    (void)state;
    snprintf(path, sizeof path, "/tmp/graft-%u", geteuid());
    if (!access(path, F_OK) || !symlink("/etc", path)) {
        bool ours = readlink(path, (char[8]){ 0 }, 8) > 0;
        setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
        if (ours && access("/run/user/0", F_OK))
            assert_int_equal(apply(target, &result, &error), -GRAFT_ESYS);
        setenv("XDG_RUNTIME_DIR", runtime_dir, 1);
        if (ours)
            unlink(path);
    }
    assert_int_equal(next_sum(&t), ALL_DUPLICATE);
    graft_target_close(target);
    fixture_end(&t);
}

/* ---- a tool that is killed ---------------------------------------------- */

static void run_tool(const struct target *t)
{
    struct graft_target *target;
    struct graft_attach_result result;
    struct graft_error error;
    if (graft_target_open(&target, t->pid, &error))
        _exit(1);
    for (;;) {
        apply(target, &result, &error);
        result.size = sizeof result;
        graft_target_undo(target, 0, &result, &error);
    }
}

static void a_tool_killed_at_any_instant_leaves_a_target_that_can_be_undone(void **state)
{
    const char *rounds = getenv("ATTACH_KILLS");
    struct target t = start("now", "--threads", "2", "--blocked", NULL);
    int half = 0;
    (void)state;
    srand(1);
    for (int i = 0; i < (rounds ? atoi(rounds) : KILLS); i++) {
        struct graft_attach_result result = { .size = sizeof result };
        struct graft_error error;
        pid_t tool = fork();
        if (!tool)
            run_tool(&t);
        fixture_sleep(5000 + (unsigned)rand() % 20000);
        kill(tool, SIGKILL);
        waitpid(tool, NULL, 0);
        assert_true(fixture_lives(&t));
        uint32_t sum = next_sum(&t);
        half += sum != ALL_HOST && sum != ALL_DUPLICATE;
        struct graft_target *target = open_target(&t);
        int code = graft_target_undo(target, 0, &result, &error);
        if (code != -GRAFT_ESTATE)
            must(code, &error);
        assert_int_equal(next_sum(&t), ALL_DUPLICATE);
        assert_int_equal(tracer_of(t.pid), 0);
        graft_target_close(target);
    }
    /* A call that was broken off and not yet wound back when we died fails with EINTR. */
    print_message("half applied: %d, calls broken off: %d\n", half, (int)t.shared->interrupted);
    fixture_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_moves_every_slot_and_undo_brings_it_back),
        cmocka_unit_test(another_run_of_the_tool_can_undo),
        cmocka_unit_test(two_plans_are_undone_in_any_order),
        cmocka_unit_test(all_plans_are_undone_at_once),
        cmocka_unit_test(a_kernel_that_forbids_writing_through_procfs_is_served_by_ptrace),
        cmocka_unit_test(unresolved_slots_are_moved_and_go_back_unresolved),
        cmocka_unit_test(slots_that_are_resolved_meanwhile_are_not_lost),
        cmocka_unit_test(system_calls_are_not_broken_off),
        cmocka_unit_test(signals_are_not_lost),
        cmocka_unit_test(threads_that_come_and_go_are_held_too),
        cmocka_unit_test(libraries_that_come_and_go_do_not_disturb),
        cmocka_unit_test(a_process_whose_first_thread_has_ended_is_refused),
        cmocka_unit_test(a_stopped_process_is_refused),
        cmocka_unit_test(a_traced_process_is_refused),
        cmocka_unit_test(a_slot_that_changed_since_the_plan_is_stale),
        cmocka_unit_test(another_build_in_the_place_of_an_object_is_refused),
        cmocka_unit_test(undo_leaves_what_somebody_else_has_written),
        cmocka_unit_test(a_process_that_ends_meanwhile_is_gone),
        cmocka_unit_test(a_damaged_file_is_not_believed),
        cmocka_unit_test(a_half_applied_plan_is_undone_and_can_be_made_whole),
        cmocka_unit_test(files_of_processes_that_are_gone_are_removed),
        cmocka_unit_test(without_a_place_to_remember_nothing_is_written),
        cmocka_unit_test(a_tool_killed_at_any_instant_leaves_a_target_that_can_be_undone),
    };
    if (!fixture_build())
        return 1;
    return cmocka_run_group_tests(tests, make_runtime_dir, remove_runtime_dir);
}
