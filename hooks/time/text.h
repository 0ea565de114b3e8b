/* SPDX-License-Identifier: MIT */
#ifndef TIME_TEXT_H
#define TIME_TEXT_H

#include "clock.h"

/* Each reads the whole of @text, and returns 0, or -1 if that is not what it is. */

/* +1d, -1h30m, 250ms, -3600, 1.5: w d h m s ms, seconds without a unit. */
int text_duration(const char *text, moment *);

/* 2001-01-01, 2001-01-01T12:30, 2001-01-01T12:30:15.5Z, ...+02:00, @978307200.5;
 * without a zone it is UTC. */
int text_date(const char *text, moment *);

/* 2, 0.5, 1/10; more than nothing, a million at most. */
int text_rate(const char *text, long *rate, long *per);

#endif
