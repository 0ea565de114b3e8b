/* SPDX-License-Identifier: MIT */
#ifndef ATTACH_FIXTURE_H
#define ATTACH_FIXTURE_H

/* Starting and ending targets, for test_attach*.c and stop_time.c. Each test has a
 * target of its own, which is ended by its number. */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared.h"

static char fixture_dir[PATH_MAX / 2];

struct target {
    pid_t pid;
    struct shared *shared;
};

/* Builds the fixtures into $BUILD/tests/attach. */
static bool fixture_build(void)
{
    const char *build = getenv("BUILD") ? getenv("BUILD") : "build";
    char command[2 * PATH_MAX], path[PATH_MAX];
    mkdir(build, 0755);
    if (!realpath(build, path))
        return false;
    snprintf(fixture_dir, sizeof fixture_dir, "%.1800s/tests/attach", path);
    snprintf(command, sizeof command, "tests/e2e/attach/build.sh '%s'", fixture_dir);
    return system(command) == 0;
}

static const char *fixture_path(const char *name)
{
    static char path[4][PATH_MAX];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, PATH_MAX, "%s/%s", fixture_dir, name);
    return p;
}

static void fixture_sleep(unsigned microseconds)
{
    nanosleep(&(struct timespec){ microseconds / 1000000, microseconds % 1000000 * 1000L }, NULL);
}

/* Whether *@value goes past @than within two seconds. */
static inline bool fixture_passes(_Atomic uint64_t *value, uint64_t than)
{
    for (int i = 0; i < 20000 && *value <= than; i++)
        fixture_sleep(100);
    return *value > than;
}

static void fixture_exec(const char *program, char **argv, int memory, uid_t user)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (memory != SHARED_DESCRIPTOR)
        dup2(memory, SHARED_DESCRIPTOR);
    else
        fcntl(memory, F_SETFD, 0);
    /* opened before: another user may not reach the folder that we build in */
    int file = open(program, O_RDONLY | O_CLOEXEC);
    if (user && (setresgid(user, user, user) || setresuid(user, user, user)))
        _exit(126);
    fexecve(file, argv, environ);
    _exit(127);
}

static bool fixture_runs(pid_t pid, const char *program)
{
    char link[64], path[PATH_MAX] = "";
    snprintf(link, sizeof link, "/proc/%d/exe", pid);
    ssize_t length = readlink(link, path, sizeof path - 1);
    const char *slash = length > 0 ? strrchr(path, '/') : NULL;
    return slash && !strcmp(slash + 1, program);
}

/* Starts @program (a fixture's name) with arguments up to NULL, as @user (0: as
 * we are), and waits until it is ready where it can tell. */
static struct target fixture_start(uid_t user, const char *program, ...)
{
    struct target target = { 0, NULL };
    char *argv[32] = { (char *)program };
    int argc = 1, memory = memfd_create("shared", 0);
    va_list list;
    va_start(list, program);
    while (argc < 31 && (argv[argc] = va_arg(list, char *)))
        argc++;
    va_end(list);
    if (memory < 0 || ftruncate(memory, sizeof *target.shared) || fchmod(memory, 0666))
        abort();
    target.shared = mmap(NULL, sizeof *target.shared, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    target.pid = fork();
    if (!target.pid)
        fixture_exec(fixture_path(program), argv, memory, user);
    close(memory);
    for (int i = 0; i < 50000 && !(fixture_runs(target.pid, program) && (target.shared->ready
                                   || !strcmp(program, "target-32"))); i++)
        fixture_sleep(100);
    return target;
}

static inline bool fixture_lives(const struct target *target)
{
    return waitpid(target->pid, NULL, WNOHANG) == 0;
}

static void fixture_end(struct target *target)
{
    kill(target->pid, SIGKILL);
    waitpid(target->pid, NULL, 0);
    if (target->shared->semaphore)
        semctl(target->shared->semaphore - 1, 0, IPC_RMID);
    munmap(target->shared, sizeof *target->shared);
}

#endif
