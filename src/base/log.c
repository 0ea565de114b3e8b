/* SPDX-License-Identifier: MIT */
/* Hands messages to whoever asked for them. Invariant: graft itself never
 * prints. State: the one listener, set before other threads use graft. */

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

int log_limit;
static graft_log_fn *listener;
static void *listener_arg;

void graft_set_log(graft_log_fn *fn, void *arg, enum graft_log_level level)
{
    listener = fn;
    listener_arg = arg;
    log_limit = fn ? (int)level + 1 : 0;
}

void log_write(enum graft_log_level level, const char *format, ...)
{
    char message[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    listener(listener_arg, level, message);
}
