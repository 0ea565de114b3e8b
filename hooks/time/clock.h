/* SPDX-License-Identifier: MIT */
#ifndef TIME_CLOCK_H
#define TIME_CLOCK_H

/* Between the machine's clocks and those that the program is shown. Moments are
 * nanoseconds, wide enough that no time_t overflows them. */

#include <stdbool.h>
#include <time.h>

#define SECOND ((moment)1000000000)

typedef __int128 moment;

struct clock_rule {
    enum { CLOCK_OFFSET, CLOCK_START, CLOCK_FREEZE } kind;
    bool here;                      /* CLOCK_FREEZE at the moment when it begins */
    moment value;                   /* an offset, or a moment since 1970 */
    long rate, per;                 /* the shown clock runs rate/per times as fast */
    bool monotonic;                 /* the clocks without a date as well */
};

/* Once, before anything else here: the rule is in force from now on. @read is the
 * machine's own clock_gettime. */
void clock_begin(const struct clock_rule *, int (*read)(clockid_t, struct timespec *));

/* Whether clock @id is shown as something else than it is. */
bool clock_shifted(clockid_t id);

/* What the program is shown when clock @id of the machine stands at @real. */
moment clock_shown(clockid_t id, moment real);

/* What the program's clock @id shows now, and what the machine's does. */
moment clock_now(clockid_t id);
moment clock_machine(clockid_t id);

/* The deadline of the machine's clock @id for the program's deadline @shown, into
 * @room; @shown itself where nothing is to be changed: another clock, NULL, and values
 * that the function called refuses. */
const struct timespec *clock_deadline(clockid_t id, const struct timespec *shown, struct timespec *room);

moment clock_moment(const struct timespec *);
struct timespec clock_timespec(moment);

#endif
