/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BASE_LOG_H
#define GRAFT_BASE_LOG_H

#include <graft/graft.h>

/* The lowest level that nobody listens to; silent costs this one comparison. */
extern int log_limit;

void log_write(enum graft_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define LOG(level, ...) \
    do { if ((int)GRAFT_LOG_##level < log_limit) log_write(GRAFT_LOG_##level, __VA_ARGS__); } while (0)

#endif
