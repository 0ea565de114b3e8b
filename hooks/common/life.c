/* SPDX-License-Identifier: MIT */
/* The life of a process with a hook library in it. Invariant: each process reports
 * once: not again on the way out, not for its parent, and not from a vfork's child,
 * which shares its parent's memory and leaves by _exit. */

#include "common/life.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/report.h"

void (*life_next_exit)(int), (*life_next_Exit)(int);
int (*life_next_Fork)(void);

static struct {
    void (*report)(void), (*child)(void);
    bool started_first;             /* before libc's constructor: handlers run last */
    bool was_started;
    pid_t process;
    _Atomic pid_t reporter;         /* the thread that reports */
    _Atomic bool reported;
} life;

static void nap(void)
{
    struct timespec millisecond = { 0, 1000000 };
    syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &millisecond, NULL);
}

/* A thread that leaves while another reports lets that one finish; a signal handler
 * that interrupted the report does not wait for itself. */
static void report_once(void)
{
    pid_t nobody = 0, self = (pid_t)syscall(SYS_gettid);
    int saved = errno;
    if (getpid() != life.process || !life.report)
        return;
    if (atomic_compare_exchange_strong(&life.reporter, &nobody, self)) {
        life.report();
        atomic_store(&life.reported, true);
    }
    for (int i = 0; nobody != self && i < 2000 && !atomic_load(&life.reported); i++)
        nap();
    errno = saved;
}

static void at_end(int status, void *arg)
{
    (void)status;
    (void)arg;
    report_once();
}

static void become_child(void)
{
    if (getpid() == life.process)
        return;
    life.process = getpid();
    atomic_store(&life.reporter, 0);
    atomic_store(&life.reported, false);
    report_child();
    if (life.child)
        life.child();
}

/* __libc_start_main registers the run of all destructors. What was registered
 * earlier comes after it: the last moment there is. */
static bool is_before_libc(void)
{
    return !environ;
}

/* After graft_hooks_stop: what was counted then was told. */
static int start_again(void)
{
    atomic_store(&life.reporter, 0);
    atomic_store(&life.reported, false);
    if (life.child)
        life.child();
    return 0;
}

int life_start(const char *name, void (*report)(void), void (*child)(void), struct graft_error *error)
{
    int code = report_start(name, error);
    if (code)
        return code;
    life.report = report;
    life.child = child;
    life.process = getpid();
    if (life.was_started)
        return start_again();
    life.was_started = true;
    life.started_first = is_before_libc() && !on_exit(at_end, NULL);
    if (life.started_first)
        at_quick_exit(report_once);
    pthread_atfork(NULL, NULL, become_child);
    return 0;
}

void life_stop(void)
{
    if (!life.started_first)
        report_once();
}

void life_exit(int status)
{
    report_once();
    life_next_exit(status);
    __builtin_unreachable();
}

void life_Exit(int status)
{
    report_once();
    life_next_Exit(status);
    __builtin_unreachable();
}

int life_Fork(void)
{
    pid_t child = life_next_Fork();
    if (!child)
        become_child();
    return child;
}
