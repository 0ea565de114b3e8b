/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_PROCESS_H
#define GRAFT_ATTACH_PROCESS_H

/* Another process, as procfs shows it: who it is, whether it may be touched, and
 * the bytes of its memory. Nothing here stops it. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <graft/graft.h>

struct process {
    pid_t pid;
    int directory;                  /* /proc/PID: fails for good once the process is gone, even
                                       where its number is used again */
    int memory;                     /* /proc/PID/mem */
    uint64_t start_time;            /* in clock ticks since boot: tells it from a later one */
    bool own_child;                 /* its exit status is for the caller to collect */
    uint16_t type;                  /* e_type and e_entry of its program */
    uint64_t entry;
    char program[PATH_MAX];
};

/* What changes from one look to the next. */
struct process_look {
    char state;                     /* R, S, D, T, t, Z … */
    pid_t parent, group, tracer;
    uid_t uid;
    uint64_t start_time;
};

/* Opens a process that the caller may trace; the caller closes it.
 * -GRAFT_EGONE, -GRAFT_EPERM, -GRAFT_EARCH, -GRAFT_EINVAL. */
int process_open(struct process *, pid_t, struct graft_error *);
void process_close(struct process *);

/* -GRAFT_EGONE where it exists no longer. */
int process_look(const struct process *, struct process_look *, struct graft_error *);

/* Whether the process @pid that began at @start_time still exists. */
bool process_alive(pid_t pid, uint64_t start_time);

/* Whether it can be stopped now: -GRAFT_EGONE, -GRAFT_ESTOPPED, -GRAFT_ETRACED. */
int process_ready(const struct process *, struct graft_error *);

/* Says why the kernel forbids tracing thread @thread of it, and what to do: -GRAFT_EPERM,
 * -GRAFT_ETRACED, -GRAFT_EGONE. */
int process_forbidden(const struct process *, pid_t thread, struct graft_error *);

/* Reads up to @size - 1 bytes of /proc/PID/@name and ends them; the number read, or
 * negative with errno. */
ssize_t process_file(const struct process *, const char *name, void *buffer, size_t size);

/* Bytes of the target's memory that are wanted at @to. */
struct process_bytes { uint64_t address; size_t size; void *to; };

/* Reads all of @size bytes, or says false. */
bool process_read(const struct process *, uint64_t address, void *to, size_t size);

/* Reads many pieces with few system calls, all of them or false. */
bool process_read_all(const struct process *, const struct process_bytes *, size_t count);

/* Reads a string of fewer than @size bytes; false unless it ends in there. */
bool process_read_text(const struct process *, uint64_t address, char *to, size_t size);

#endif
