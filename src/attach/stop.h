/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_STOP_H
#define GRAFT_ATTACH_STOP_H

/* Holds all threads of a target for a moment. */

#include "attach/process.h"
#include "attach/restart.h"

struct stop_thread {
    pid_t id;
    bool stopped;
    int signal;                     /* that it was about to receive: delivered on release */
    uint64_t counter;               /* where it stands */
};

struct stop {
    const struct process *process;
    struct stop_thread *thread;
    size_t count, capacity, released;
    uint64_t began, ended;          /* nanoseconds: first interrupt, last release */
    uint64_t deadline;
    int directory;                  /* /proc/PID/task */
};

typedef int stop_visitor(const struct stop *, void *arg);

/* What a stop cost the target. */
struct stop_cost { uint64_t nanoseconds; size_t threads; };

/* Stops every thread, also those that appear meanwhile, winds back the system
 * calls that this breaks off, calls @visit, and lets all go on, each with the
 * signal that it was about to receive. All this happens in a thread of its own,
 * without signals: when that ends, or the caller is killed, the kernel lets go
 * whatever is still held. Meanwhile no other thread of the caller may wait for
 * children. Returns what @visit returned, or -GRAFT_EBUSY within @milliseconds,
 * -GRAFT_EPERM, -GRAFT_ETRACED, -GRAFT_ESTOPPED, -GRAFT_EGONE, -GRAFT_ENOMEM. */
int stop_visit(const struct process *, unsigned milliseconds, stop_visitor *visit, void *arg, struct stop_cost *,
               struct graft_error *);

/* Whether a thread stands in [start, end). */
bool stop_inside(const struct stop *, uint64_t start, uint64_t end);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t stop_clock(void);

#endif
