/* SPDX-License-Identifier: MIT */
/* Loads where the system forbids what graft uses: memory files, folders, descriptors,
 * procfs, writable pages. They succeed by other means, or fail and leave nothing.
 *
 * State: every mprotect of this program passes through here. */

#include "load_fixture.h"
#include "process.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int calls, fail_at = -1;         /* fail_at: number of the mprotect that fails */

int mprotect(void *start, size_t size, int protection)
{
    if (calls++ == fail_at)
        return errno = ENOMEM, -1;
    return (int)syscall(SYS_mprotect, start, size, protection);
}

static char folder[] = "/tmp/graft-forbidden-XXXXXX";

/* Every mprotect in turn fails: before the constructors, or while a stand-in grows. */
static void a_page_that_cannot_be_opened_fails_the_load_before_constructors(void **state)
{
    char notes[1024];
    int failures = 0;
    (void)state;
    loads_host();
    snprintf(notes, sizeof notes, "%s", loads_notes());
    for (int i = 0; i < 64; i++) {
        struct graft_error error = { 0 };
        void *handle = NULL;
        calls = 0;
        fail_at = i;
        int result = graft_load(loads_path("libuser.so"), RTLD_NOW, ONLY(REBIND), &handle, &error);
        bool reached = calls > i;
        fail_at = -1;
        if (!reached) {
            assert_int_equal(result, 0);
            assert_int_equal(loads_ask(handle, "user_cached"), HOST);
            break;
        }
        if (!result) {                  /* a page that was not closed again is no failure */
            assert_int_equal(loads_ask(handle, "user_cached"), HOST);
            dlclose(handle);
            snprintf(notes, sizeof notes, "%s", loads_notes());
            continue;
        }
        failures++;
        assert_int_equal(result, error.code);
        assert_null(handle);
        assert_string_equal(loads_notes(), notes);
        assert_false(loads_is_mapped("libuser.so"));
        assert_false(loads_is_mapped("librtdup"));
    }
    assert_true(failures > 0);
}

/* ---- what the system forbids ------------------------------------------------------------- */

/* From now on the system calls @numbers fail with @number. */
static void forbid(const int *numbers, size_t count, int number)
{
    struct sock_filter filter[16] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0) };
    unsigned short n = 1;
    for (size_t i = 0; i < count; i++) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)number);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = { n, filter };
    assert_int_equal(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    assert_int_equal(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static const enum graft_way both[] = { GRAFT_WAY_PROVIDER, GRAFT_WAY_REBIND };

static void load_without_memory_files(void *arg)
{
    const int number = *(const int *)arg, numbers[] = { SYS_memfd_create };
    setenv("XDG_RUNTIME_DIR", folder, 1);
    loads_host();
    forbid(numbers, 1, number);
    void *consumer = loads_well("libuser.so", RTLD_NOW, NULL);
    assert_int_equal(loads_ask(consumer, "user_cached"), HOST);
    assert_true(loads_is_mapped(folder));               /* it was there … */
    dlclose(consumer);
}

static void without_memory_files_a_private_folder_serves_and_is_gone_afterwards(void **state)
{
    static const int numbers[] = { EPERM, ENOSYS, EMFILE };
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < 3; i++)
        loads_in_a_child(load_without_memory_files, (void *)&numbers[i]);
    assert_int_equal(rmdir(folder), 0);                 /* … and is empty now */
}

static void load_without_any_file(void *arg)
{
    static const int numbers[] = { SYS_memfd_create, SYS_mkdir, SYS_mkdirat };
    struct graft_error error;
    loads_host();
    loads_note_state();
    forbid(numbers, 3, EROFS);
    assert_int_equal(loads_badly("libuser.so", RTLD_NOW, WISH(.ways = GRAFT_WAY_BIT(*(const enum graft_way *)arg)), &error),
                     -GRAFT_ESYS);
    assert_non_null(strstr(error.text, "stand-in"));
    loads_expect_nothing_left();
}

static void without_any_file_the_load_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        loads_in_a_child(load_without_any_file, (void *)&both[i]);
}

/* Growing a file beyond the limit is a signal that ends the process, by default. */
static void load_without_file_size(void *arg)
{
    struct graft_error error = { 0 };
    void *handle = NULL;
    loads_host();
    loads_note_state();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 0, 0 }), 0);
    int result = graft_load(loads_path("libuser.so"), RTLD_NOW, WISH(.ways = GRAFT_WAY_BIT(*(const enum graft_way *)arg)),
                            &handle, &error);
    if (!result)
        assert_int_equal(loads_ask(handle, "user_cached"), HOST);
    else {
        assert_int_equal(result, -GRAFT_ESYS);
        loads_expect_nothing_left();
    }
}

static void a_limit_on_file_sizes_does_not_end_the_program(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++)
        loads_in_a_child(load_without_file_size, (void *)&both[i]);
}

static void load_without_descriptors(void *arg)
{
    struct graft_error error = { 0 };
    (void)arg;
    loads_host();
    loads_note_state();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 3, 4096 }), 0);
    assert_true(loads_badly("libuser.so", RTLD_NOW, NULL, &error) < 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4096, 4096 }), 0);
    loads_expect_nothing_left();
}

static void without_descriptors_the_load_fails_whole(void **state)
{
    (void)state;
    loads_in_a_child(load_without_descriptors, NULL);
}

/* 77: there may be no mount namespace of one's own. */
static void load_without_procfs(void *arg)
{
    const enum graft_way way = *(const enum graft_way *)arg;
    struct graft_error error = { 0 };
    void *handle = NULL;
    loads_host();
    if ((unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) || mount("none", "/proc", NULL, MS_PRIVATE, NULL)
        || mount("none", "/proc", "tmpfs", 0, NULL))
        _exit(77);
    int result = graft_load(loads_path("libuser.so"), RTLD_NOW, WISH(.ways = GRAFT_WAY_BIT(way)), &handle, &error);
    if (result && way == GRAFT_WAY_REBIND) {            /* protections are not known without it */
        assert_int_equal(result, -GRAFT_ESYS);
        assert_int_equal(loads_noted("libuser up"), 0);
        assert_int_equal(loads_is_listed("libuser"), 0);
        return;
    }
    if (result)
        fail_msg("%d, %s", result, error.text);
    assert_int_equal(loads_ask(handle, "user_cached"), HOST);
    assert_int_equal(loads_ask(handle, "user_call"), HOST);
}

static void without_procfs_a_private_folder_serves(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int status = -1;
        pid_t pid = fork();
        if (!pid) {
            load_without_procfs((void *)&both[i]);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
            skip();
        assert_int_equal(status, 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_that_cannot_be_opened_fails_the_load_before_constructors),
        cmocka_unit_test(without_memory_files_a_private_folder_serves_and_is_gone_afterwards),
        cmocka_unit_test(without_any_file_the_load_is_refused),
        cmocka_unit_test(a_limit_on_file_sizes_does_not_end_the_program),
        cmocka_unit_test(without_descriptors_the_load_fails_whole),
        cmocka_unit_test(without_procfs_a_private_folder_serves),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
