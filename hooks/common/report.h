/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_REPORT_H
#define HOOKS_COMMON_REPORT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include <graft/hook.h>

/* What the arguments file=PATH and json say. */
extern struct report_settings {
    char file[PATH_MAX];            /* "": standard error */
    bool json;
} report_settings;

/* Settles where reports go, before the program's code runs: a file is opened now, so
 * that a wrong path is start's error. @name is kept. 0, -GRAFT_ESYS. */
int report_start(const char *name, struct graft_error *);

/* In a fork's child: gives back what would keep its parent's standard error open. */
void report_child(void);

/* A text that is sent as one write. Lives on a stack; grows by mmap, never by malloc.
 * Any thread; after fork; in a signal handler. errno stays as it was. */
struct report {
    char *text;
    size_t length, size;
    char own[1024];
};

void report_begin(struct report *);

/* Adds "graft NAME[PID]: ", the text and a newline. */
void report_line(struct report *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds the text alone: for JSON, or for a line in pieces that starts with report_prefix. */
void report_add(struct report *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void report_prefix(struct report *);

/* Starts a JSON object: {"hook":NAME,"pid":PID, and a comma. */
void report_json_begin(struct report *);

/* Adds @text as a JSON string with its quotes; NULL becomes null. What is not UTF-8
 * becomes U+FFFD. */
void report_json(struct report *, const char *text);

/* Writes it and forgets it. */
void report_send(struct report *);

/* Nanoseconds of CLOCK_MONOTONIC, by a system call: not through a slot that a hook
 * of the clock may hold. */
unsigned long long report_clock(void);

#endif
