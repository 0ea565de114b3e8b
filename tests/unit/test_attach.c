/* SPDX-License-Identifier: MIT */
/* Looking at another process, and being refused: nothing here writes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <graft/attach.h>
#include <sys/ptrace.h>

#include "attach/remote.h"
#include "e2e/attach/fixture.h"

enum { NOBODY = 65534 };

static struct graft_target *open_target(const struct target *t)
{
    struct graft_target *target = NULL;
    struct graft_error error;
    assert_int_equal(graft_target_open(&target, t->pid, &error), 0);
    return target;
}

static struct graft_objects *objects_of(const struct target *t)
{
    struct graft_target *target = open_target(t);
    struct graft_objects *objects = NULL;
    struct graft_error error;
    int result = graft_target_objects(target, &objects, &error);
    if (result)
        fail_msg("%s", error.text);
    graft_target_close(target);
    return objects;
}

static const struct graft_object *find(const struct graft_objects *objects, const char *part)
{
    for (size_t i = 0; i < graft_objects_count(objects); i++)
        if (strstr(graft_objects_get(objects, i)->path, part))
            return graft_objects_get(objects, i);
    return NULL;
}

/* ---- objects ------------------------------------------------------------ */

/* Every library in /proc/PID/maps is listed where it lies, and the other way. */
static void same_as_maps(const char *program)
{
    struct target t = fixture_start(0, program, "--host", fixture_path("libattachhost.so"), "--consumer",
                                    fixture_path("libattach10-now.so"), NULL);
    struct graft_objects *objects = objects_of(&t);
    char path[64], line[PATH_MAX + 100];
    size_t mapped = 0, listed = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", t.pid);
    FILE *maps = fopen(path, "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, offset;
        char name[PATH_MAX] = "";
        if (sscanf(line, "%lx-%*x %*s %lx %*s %*s %4095s", &start, &offset, name) < 3 || offset || *name != '/'
            || strstr(name, "memfd:") || strstr(name, "locale"))
            continue;
        const struct graft_object *object = find(objects, strrchr(name, '/'));
        assert_non_null(object);
        assert_int_equal(object->start & -4096ul, start);
        mapped++;
    }
    fclose(maps);
    for (size_t i = 0; i < graft_objects_count(objects); i++)
        listed += !graft_objects_get(objects, i)->is_vdso;
    assert_int_equal(listed, mapped);
    assert_true(graft_objects_get(objects, 0)->is_main);
    assert_int_equal(graft_objects_get(objects, 0)->bias == 0, !strcmp(program, "target-nonpie"));
    assert_string_equal(find(objects, "libattachhost")->soname, "libattachhost.so");
    assert_int_equal(find(objects, "libc.so.6")->build_id_size, 20);
    graft_objects_free(objects);
    fixture_end(&t);
}

static void objects_of_a_pie_are_those_in_maps(void **state)
{
    (void)state;
    same_as_maps("target");
}

static void objects_of_a_program_at_a_fixed_address_are_those_in_maps(void **state)
{
    (void)state;
    same_as_maps("target-nonpie");
}

static void objects_of_another_namespace_are_listed(void **state)
{
    struct target t = fixture_start(0, "target", "--namespace", "libm.so.6", NULL);
    struct graft_objects *objects = objects_of(&t);
    size_t loaders = 0;
    (void)state;
    assert_int_equal(find(objects, "libm.so.6")->space, 1);
    assert_int_equal(find(objects, "libc.so.6")->space, 0);
    for (size_t i = 0; i < graft_objects_count(objects); i++)
        loaders += strstr(graft_objects_get(objects, i)->path, "libc.so.6") != NULL;
    assert_int_equal(loaders, 2);
    graft_objects_free(objects);
    fixture_end(&t);
}

static void objects_are_listed_while_libraries_come_and_go(void **state)
{
    struct target t = fixture_start(0, "target", "--reload", fixture_path("libattach1000-now.so"), NULL);
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct graft_objects *objects = objects_of(&t);
        assert_non_null(find(objects, "libc.so.6"));
        graft_objects_free(objects);
    }
    assert_true(fixture_lives(&t));
    fixture_end(&t);
}

static void a_program_started_by_its_loader_is_listed(void **state)
{
    struct target t = { 0, NULL };
    int memory = memfd_create("shared", 0);
    char *argv[] = { (char *)"ld.so", (char *)fixture_path("target"), NULL };
    (void)state;
    assert_int_equal(ftruncate(memory, sizeof *t.shared), 0);
    t.shared = mmap(NULL, sizeof *t.shared, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    t.pid = fork();
    if (!t.pid)
        fixture_exec("/lib64/ld-linux-x86-64.so.2", argv, memory, 0);
    close(memory);
    for (int i = 0; i < 20000 && !t.shared->ready; i++)
        fixture_sleep(100);
    if (t.shared->ready) {
        struct graft_objects *objects = objects_of(&t);
        assert_non_null(find(objects, "libc.so.6"));
        assert_true(graft_objects_get(objects, 0)->is_main);
        graft_objects_free(objects);
    }
    fixture_end(&t);
}

static void a_process_without_libraries_is_refused(void **state)
{
    const char *programs[] = { "target-static", "target-static-pie" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct target t = fixture_start(0, programs[i], NULL);
        struct graft_target *target = open_target(&t);
        struct graft_objects *objects;
        struct graft_error error;
        assert_int_equal(graft_target_objects(target, &objects, &error), -GRAFT_ESTATIC);
        assert_non_null(strstr(error.text, "static"));
        graft_target_close(target);
        fixture_end(&t);
    }
}

static void a_process_of_another_word_size_is_refused(void **state)
{
    struct graft_target *target;
    struct graft_error error;
    (void)state;
    if (access(fixture_path("target-32"), X_OK))
        skip();
    struct target t = fixture_start(0, "target-32", NULL);
    if (!fixture_lives(&t))
        skip();
    assert_int_equal(graft_target_open(&target, t.pid, &error), -GRAFT_EARCH);
    assert_non_null(strstr(error.text, "32-bit"));
    fixture_end(&t);
}

/* Whatever the target's own list says, the tool neither hangs nor crashes. */
static void a_damaged_list_is_survived(void **state)
{
    struct target t = fixture_start(0, "target", NULL);
    struct process process;
    struct world world;
    struct graft_error error = { 0 };
    uint64_t maps[8], good[5];
    (void)state;
    srand(1);
    assert_int_equal(process_open(&process, t.pid, &error), 0);
    assert_int_equal(remote_world(&world, &process, FETCH_SHAPE, NULL, &error), 0);
    size_t count = world.objects.count < 8 ? world.objects.count : 8;
    for (size_t i = 0; i < count; i++)
        maps[i] = world_object(&world, i)->link_map;
    world_free(&world);
    kill(t.pid, SIGSTOP);
    for (int round = 0; round < 60; round++) {
        uint64_t map = maps[(size_t)rand() % count], bad[5];
        const uint64_t values[] = { 0, map, maps[0], map + 1, UINT64_MAX, 1ull << 47, (uint64_t)rand() << 20 };
        assert_true(process_read(&process, map, good, sizeof good));
        memcpy(bad, good, sizeof bad);
        bad[rand() % 5] = values[(size_t)rand() % 7];
        assert_int_equal(pwrite(process.memory, bad, sizeof bad, (off_t)map), sizeof bad);
        error.code = 0;
        (void)remote_world(&world, &process, round % 2 ? FETCH_SHAPE : FETCH_TABLES, NULL, &error);
        world_free(&world);
        assert_int_equal(pwrite(process.memory, good, sizeof good, (off_t)map), sizeof good);
    }
    process_close(&process);
    fixture_end(&t);
}

/* ---- who may not -------------------------------------------------------- */

/* What opening @pid gives to another user. */
static int open_as(uid_t user, pid_t pid, char text[512])
{
    int pipes[2], result = 0;
    assert_int_equal(pipe(pipes), 0);
    pid_t tool = fork();
    if (!tool) {
        struct graft_target *target;
        struct graft_error error = { 0 };
        if (setresgid(user, user, user) || setresuid(user, user, user))
            _exit(1);
        int code = graft_target_open(&target, pid, &error);
        bool sent = write(pipes[1], &code, sizeof code) == sizeof code && write(pipes[1], error.text, 512) == 512;
        _exit(!sent);
    }
    close(pipes[1]);
    assert_int_equal(read(pipes[0], &result, sizeof result), sizeof result);
    assert_int_equal(read(pipes[0], text, 512), 512);
    close(pipes[0]);
    waitpid(tool, NULL, 0);
    return result;
}

static void another_user_is_refused(void **state)
{
    char text[512];
    (void)state;
    if (getuid())
        skip();
    struct target t = fixture_start(0, "target", NULL);
    assert_int_equal(open_as(NOBODY, t.pid, text), -GRAFT_EPERM);
    assert_non_null(strstr(text, "belongs to user 0"));
    fixture_end(&t);
}

static void a_process_that_is_not_dumpable_is_refused(void **state)
{
    char text[512];
    (void)state;
    if (getuid())
        skip();
    struct target t = fixture_start(NOBODY, "target", "--undumpable", NULL);
    assert_true(fixture_lives(&t));
    assert_int_equal(open_as(NOBODY, t.pid, text), -GRAFT_EPERM);
    assert_non_null(strstr(text, "not dumpable"));
    fixture_end(&t);
}

static void the_same_user_is_allowed(void **state)
{
    char text[512];
    (void)state;
    if (getuid())
        skip();
    struct target t = fixture_start(NOBODY, "target", NULL);
    assert_true(fixture_lives(&t));
    assert_int_equal(open_as(NOBODY, t.pid, text), 0);
    fixture_end(&t);
}

static void numbers_that_name_no_other_process_are_refused(void **state)
{
    struct graft_target *target;
    struct graft_error error;
    (void)state;
    assert_int_equal(graft_target_open(&target, getpid(), &error), -GRAFT_EINVAL);
    assert_int_equal(graft_target_open(&target, 0, &error), -GRAFT_EINVAL);
    assert_int_equal(graft_target_open(&target, -4, &error), -GRAFT_EINVAL);
    assert_int_equal(graft_target_open(&target, 0x3fffffff, &error), -GRAFT_EGONE);
    assert_non_null(strstr(error.text, "there is no process"));
}

static void a_part_of_the_kernel_is_refused(void **state)
{
    struct graft_target *target;
    struct graft_error error;
    char path[64];
    (void)state;
    if (readlink("/proc/2/exe", path, sizeof path) >= 0 || errno != ENOENT)
        skip();
    assert_int_equal(graft_target_open(&target, 2, &error), -GRAFT_EFORMAT);
}

static void a_process_that_ended_is_gone(void **state)
{
    struct target t = fixture_start(0, "target", NULL);
    struct graft_target *target = open_target(&t);
    struct graft_objects *objects;
    struct graft_error error;
    (void)state;
    fixture_end(&t);
    assert_int_equal(graft_target_objects(target, &objects, &error), -GRAFT_EGONE);
    graft_target_close(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_of_a_pie_are_those_in_maps),
        cmocka_unit_test(objects_of_a_program_at_a_fixed_address_are_those_in_maps),
        cmocka_unit_test(objects_of_another_namespace_are_listed),
        cmocka_unit_test(objects_are_listed_while_libraries_come_and_go),
        cmocka_unit_test(a_program_started_by_its_loader_is_listed),
        cmocka_unit_test(a_process_without_libraries_is_refused),
        cmocka_unit_test(a_process_of_another_word_size_is_refused),
        cmocka_unit_test(a_damaged_list_is_survived),
        cmocka_unit_test(another_user_is_refused),
        cmocka_unit_test(a_process_that_is_not_dumpable_is_refused),
        cmocka_unit_test(the_same_user_is_allowed),
        cmocka_unit_test(numbers_that_name_no_other_process_are_refused),
        cmocka_unit_test(a_part_of_the_kernel_is_refused),
        cmocka_unit_test(a_process_that_ended_is_gone),
    };
    if (!fixture_build())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
