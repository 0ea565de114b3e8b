/* SPDX-License-Identifier: MIT */
#ifndef IO_TELL_H
#define IO_TELL_H

#include <stdbool.h>
#include <sys/types.h>

#include "ledger.h"

/* What is told: each call as it returns, and everything at the end. */
extern struct tell_settings {
    bool log;
    unsigned long top;              /* rows of a table; 0: all */
    char paths[4096];               /* a glob; "": every file */
} tell_settings;

/* A line, if lines are wanted. @result as the call returned it, errno too, which stays. */
void tell_call(const char *call, const struct account *, long result);

void tell_report(void);

#endif
