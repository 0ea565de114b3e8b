/* SPDX-License-Identifier: MIT */
/* Stops a target and lets it go. Invariants: SEIZE, never ATTACH, and never
 * EXITKILL, so that the kernel lets the target go on if we die at any instant; no
 * signal is lost or invented; a wait always has a deadline.
 *
 *   seize all ─▶ interrupt all ─▶ wait for each ─▶ threads that are new? again
 *                                                        └ none: held
 *
 * Seizing stops nobody, so that the time for which threads stand still begins
 * with the first interrupt. A thread that stands still makes no new ones: the
 * rounds come to an end. */

#include "attach/stop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

enum { THREADS_MAX = 65536, SPIN_NANOSECONDS = 40000, NAP_LONGEST = 1000000, GONE = 1 };

uint64_t stop_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- the threads that there are ----------------------------------------- */

static struct stop_thread *find(const struct stop *stop, pid_t id)
{
    for (size_t i = 0; i < stop->count; i++)
        if (stop->thread[i].id == id)
            return &stop->thread[i];
    return NULL;
}

static struct stop_thread *add(struct stop *stop, pid_t id)
{
    if (stop->count == stop->capacity) {
        size_t capacity = stop->capacity ? 2 * stop->capacity : 64;
        struct stop_thread *more = capacity > THREADS_MAX ? NULL
                                 : realloc(stop->thread, capacity * sizeof *more);
        if (!more)
            return NULL;
        stop->thread = more;
        stop->capacity = capacity;
    }
    stop->thread[stop->count] = (struct stop_thread){ .id = id };
    return &stop->thread[stop->count++];
}

/* A thread that has ended, but is still listed, cannot be seized. */
static bool has_ended(const struct process *process, pid_t id)
{
    char name[64], text[1024];
    snprintf(name, sizeof name, "task/%d/stat", id);
    ssize_t length = process_file(process, name, text, sizeof text);
    const char *state = length > 0 ? memrchr(text, ')', (size_t)length) : NULL;
    return !state || state[1] != ' ' || state[2] == 'Z' || state[2] == 'X';
}

static int seize(struct stop *stop, pid_t id, struct graft_error *error)
{
    if (ptrace(PTRACE_SEIZE, id, NULL, NULL)) {
        if (errno == ESRCH || has_ended(stop->process, id))
            return GONE;
        return process_forbidden(stop->process, id, error);
    }
    if (add(stop, id))
        return 0;
    ptrace(PTRACE_DETACH, id, NULL, NULL);
    return error_set(error, GRAFT_ENOMEM, "process %d has more threads than fit", stop->process->pid);
}

/* Seizes every thread that is not held yet; *added tells how many there were. The
 * kernel's own call: readdir would allocate and read ahead while others wait. */
static int seize_new(struct stop *stop, size_t *added, struct graft_error *error)
{
    struct entry { uint64_t inode; int64_t offset; uint16_t size; uint8_t type; char name[]; };
    _Alignas(struct entry) char buffer[8192];
    *added = 0;
    if (lseek(stop->directory, 0, SEEK_SET) < 0)
        return error_set(error, GRAFT_EGONE, "process %d is gone", stop->process->pid);
    for (;;) {
        long length = syscall(SYS_getdents64, stop->directory, buffer, sizeof buffer);
        if (length <= 0)
            return 0;
        const struct entry *entry;
        for (long at = 0; at < length; at += entry->size) {
            entry = (const struct entry *)(buffer + at);
            pid_t id = (pid_t)strtol(entry->name, NULL, 10);
            if (id <= 0 || find(stop, id))
                continue;
            int result = seize(stop, id, error);
            if (result < 0)
                return result;
            *added += result == 0;
        }
    }
}

/* ---- stopping ----------------------------------------------------------- */

static void forget(struct stop *stop, size_t i)
{
    stop->thread[i] = stop->thread[--stop->count];
}

/* Looks at what happened to one thread without taking the end of a child of the
 * caller's own away from it. 0: nothing yet. */
static int poll_thread(const struct stop *stop, pid_t id, siginfo_t *info)
{
    bool keep = stop->process->own_child && id == stop->process->pid;
    memset(info, 0, sizeof *info);
    if (waitid(P_PID, (id_t)id, info, WEXITED | WSTOPPED | WNOHANG | __WALL | WNOWAIT))
        return errno == EINTR ? 0 : GONE;
    if (!info->si_pid)
        return 0;
    bool ended = info->si_code != CLD_TRAPPED && info->si_code != CLD_STOPPED;
    if (!(ended && keep)) {
        siginfo_t taken;
        waitid(P_PID, (id_t)id, &taken, WEXITED | WSTOPPED | WNOHANG | __WALL);
    }
    return ended ? GONE : 1 + GONE;
}

/* Asks again at once at first, for a thread that stops on another processor, then
 * naps, because a thread may need ours to stop; whether it napped. */
static bool pause_briefly(uint64_t since)
{
    uint64_t waited = stop_clock() - since;
    long nap = waited / 8 < NAP_LONGEST ? (long)(waited / 8) : NAP_LONGEST;
    if (waited >= SPIN_NANOSECONDS)
        nanosleep(&(struct timespec){ .tv_nsec = nap }, NULL);
    return waited >= SPIN_NANOSECONDS;
}

/* Takes note of how @thread came to stand still. Its system call is wound back
 * right away: if we die after this it has lost nothing. */
static int note_stop(struct stop *stop, struct stop_thread *thread, const siginfo_t *info,
                     struct graft_error *error)
{
    int signal = info->si_status & 0xff, event = info->si_status >> 8;
    struct registers registers;
    thread->stopped = true;
    thread->signal = event ? 0 : signal;
    if (registers_read(thread->id, &registers)) {
        restart_call(stop->process, thread->id, thread->signal, &registers);
        thread->counter = registers_counter(&registers);
    }
    if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
        return error_set(error, GRAFT_ESTOPPED, "process %d was stopped by a signal just now: continue it "
                         "first (kill -CONT %d)", stop->process->pid, stop->process->pid);
    return 0;
}

/* Looks once at every thread that still runs: *running and *news count them. A
 * first thread that ended before the others is never reported: @ask about it. */
static int poll_all(struct stop *stop, bool ask, size_t *running, size_t *news, struct graft_error *error)
{
    siginfo_t info;
    *running = *news = 0;
    for (size_t i = 0; i < stop->count;) {
        struct stop_thread *thread = &stop->thread[i];
        int seen = thread->stopped ? 0 : poll_thread(stop, thread->id, &info);
        *running += !thread->stopped && !seen;
        *news += seen != 0;
        bool first = thread->id == stop->process->pid && !thread->stopped;
        if (seen == GONE || (!seen && first && ask && has_ended(stop->process, thread->id))) {
            forget(stop, i);
            continue;
        }
        int result = seen ? note_stop(stop, thread, &info, error) : 0;
        if (result)
            return result;
        i++;
    }
    return 0;
}

/* Waits until all threads stand still or the deadline is over. */
static int await_all(struct stop *stop, struct graft_error *error)
{
    size_t running = 1, news = 0;
    uint64_t since = stop_clock();
    int result = 0;
    for (unsigned naps = 0; running && !result;) {
        result = poll_all(stop, naps % 16 == 15, &running, &news, error);
        if (result || !running)
            break;
        if (stop_clock() > stop->deadline)
            return error_set(error, GRAFT_EBUSY, "%zu threads of process %d do not stop: they wait inside the "
                             "kernel", running, stop->process->pid);
        if (!news)
            naps += pause_briefly(since);
    }
    return result;
}

/* Interrupts all that run, then waits for all: they stop side by side. */
static int halt_running(struct stop *stop, struct graft_error *error)
{
    if (!stop->began)
        stop->began = stop_clock();
    for (size_t i = 0; i < stop->count; i++)
        if (!stop->thread[i].stopped)
            ptrace(PTRACE_INTERRUPT, stop->thread[i].id, NULL, NULL);
    return await_all(stop, error);
}

static int hold(struct stop *stop, struct graft_error *error)
{
    size_t added;
    int result;
    do                              /* before the clock runs: nobody stands still yet */
        result = seize_new(stop, &added, error);
    while (!result && added && stop_clock() < stop->deadline);
    if (!result && !stop->count)
        return error_set(error, GRAFT_EGONE, "process %d is gone", stop->process->pid);
    while (!result) {
        result = halt_running(stop, error);
        if (!result)
            result = seize_new(stop, &added, error);
        if (!result && !added)
            break;
        if (!result && stop_clock() > stop->deadline)
            result = error_set(error, GRAFT_EBUSY, "process %d makes threads faster than they can be stopped",
                               stop->process->pid);
    }
    if (!result && !stop->count)
        result = error_set(error, GRAFT_EGONE, "process %d is gone", stop->process->pid);
    return result;
}

bool stop_inside(const struct stop *stop, uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < stop->count; i++)
        if (stop->thread[i].counter - start < end - start)
            return true;
    return false;
}

/* ---- letting go --------------------------------------------------------- */

static void release_stopped(struct stop *stop)
{
    for (size_t i = 0; i < stop->count; i++)
        if (stop->thread[i].stopped)
            ptrace(PTRACE_DETACH, stop->thread[i].id, NULL, (void *)(uintptr_t)stop->thread[i].signal);
    stop->ended = stop_clock();
}

/* Only a thread that stands still can be let go with its signal: those that were
 * seized or interrupted and still run get a moment for it. */
static void release_all(struct stop *stop)
{
    size_t kept = 0;
    release_stopped(stop);
    stop->released = stop->count;
    for (size_t i = 0; i < stop->count; i++)
        if (!stop->thread[i].stopped)
            stop->thread[kept++] = stop->thread[i];
    stop->count = kept;
    stop->deadline = stop->ended + 100000000u;
    if (kept) {
        halt_running(stop, NULL);
        release_stopped(stop);
    }
}

/* ---- the thread that does it -------------------------------------------- */

struct visit {
    struct stop stop;
    stop_visitor *visitor;
    void *arg;
    struct graft_error *error;
    int result;
};

/* A thread that we let go must not take the processor from us while others are
 * still held. Who may not ask for this goes without. */
static void hurry(void)
{
    struct sched_param parameter = { .sched_priority = 1 };
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);        /* naps as short as asked for */
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &parameter))
        setpriority(PRIO_PROCESS, 0, -20);
}

static void *run(void *arg)
{
    struct visit *visit = arg;
    struct stop *stop = &visit->stop;
    hurry();
    visit->result = hold(stop, visit->error);
    if (!visit->result)
        visit->result = visit->visitor(stop, visit->arg);
    release_all(stop);
    return NULL;
}

static int run_apart(struct visit *visit)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&thread, NULL, run, visit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return error_set(visit->error, GRAFT_ESYS, "no thread could be started: %s", strerrordesc_np(failure));
    pthread_join(thread, NULL);
    return visit->result;
}

int stop_visit(const struct process *process, unsigned milliseconds, stop_visitor *visitor,
               void *arg, struct stop_cost *cost, struct graft_error *error)
{
    struct visit visit = { .visitor = visitor, .arg = arg, .error = error, .stop = {
        .process = process, .deadline = stop_clock() + milliseconds * 1000000ull } };
    int result = process_ready(process, error);
    if (result)
        return result;
    visit.stop.directory = openat(process->directory, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (visit.stop.directory < 0)
        return error_set(error, GRAFT_EGONE, "process %d is gone", process->pid);
    result = run_apart(&visit);
    *cost = (struct stop_cost){ visit.stop.began ? visit.stop.ended - visit.stop.began : 0, visit.stop.released };
    close(visit.stop.directory);
    free(visit.stop.thread);
    return result;
}
