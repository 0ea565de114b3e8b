/* SPDX-License-Identifier: MIT */
/* The one mapping between the machine's clocks and the shown ones, and its inverse.
 * Invariant: it is fixed once clock_begin has returned, so any thread and any signal
 * handler may ask; and of two readings in order the later is never shown as earlier.
 * A frozen clock has no inverse: the time that a deadline lies ahead of it is waited
 * on the machine's clock, or a program that sleeps until a moment never wakes up. */
#include "clock.h"

#include <limits.h>

enum { CLOCKS = 12 };

static struct {
    struct clock_rule rule;
    int (*read)(clockid_t, struct timespec *);
    moment base[CLOCKS];            /* the machine's clocks when the rule came into force */
    moment first[CLOCKS];           /* what was shown at that moment */
} clocks;

moment clock_moment(const struct timespec *time)
{
    return time->tv_sec * SECOND + time->tv_nsec;
}

struct timespec clock_timespec(moment when)
{
    moment seconds = when / SECOND, rest = when % SECOND;
    if (rest < 0) {
        rest += SECOND;
        seconds--;
    }
    if (seconds > LONG_MAX)
        seconds = LONG_MAX;
    return (struct timespec){ .tv_sec = (time_t)seconds, .tv_nsec = (long)rest };
}

static bool has_date(clockid_t id)
{
    return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_REALTIME_ALARM || id == CLOCK_TAI;
}

static bool runs_from_boot(clockid_t id)
{
    return id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW || id == CLOCK_MONOTONIC_COARSE ||
           id == CLOCK_BOOTTIME || id == CLOCK_BOOTTIME_ALARM;
}

bool clock_shifted(clockid_t id)
{
    return has_date(id) || (clocks.rule.monotonic && runs_from_boot(id));
}

/* The clock that counts from the same origin, read finely: a coarse one is some
 * milliseconds behind, and a frozen second must not begin with 59.996. */
static clockid_t origin(clockid_t id)
{
    switch (id) {
    case CLOCK_REALTIME_COARSE: case CLOCK_REALTIME_ALARM: return CLOCK_REALTIME;
    case CLOCK_MONOTONIC_COARSE: return CLOCK_MONOTONIC;
    case CLOCK_BOOTTIME_ALARM: return CLOCK_BOOTTIME;
    default: return id;
    }
}

moment clock_machine(clockid_t id)
{
    struct timespec time = { 0 };
    clocks.read(id, &time);
    return clock_moment(&time);
}

void clock_begin(const struct clock_rule *rule, int (*read)(clockid_t, struct timespec *))
{
    clocks.rule = *rule;
    clocks.read = read;
    for (int id = 0; id < CLOCKS; id++)
        clocks.base[id] = clock_machine(id);
    for (int id = 0; id < CLOCKS; id++)     /* one reading for all of one origin */
        clocks.base[id] = clocks.base[origin(id)];
    moment offset = rule->value;
    if (rule->kind != CLOCK_OFFSET)
        offset = rule->here ? 0 : rule->value - clocks.base[CLOCK_REALTIME];
    for (int id = 0; id < CLOCKS; id++)     /* a date says nothing about the time since boot */
        clocks.first[id] = clocks.base[id] + (has_date(id) || rule->kind == CLOCK_OFFSET ? offset : 0);
}

moment clock_shown(clockid_t id, moment real)
{
    moment passed = real - clocks.base[id];
    if (clocks.rule.kind == CLOCK_FREEZE)
        return clocks.first[id];
    if (passed < 0 && clocks.rule.kind == CLOCK_START)
        passed = 0;                 /* a coarse clock that is still behind */
    moment scaled = passed * clocks.rule.rate / clocks.rule.per;
    if (scaled * clocks.rule.per > passed * clocks.rule.rate)
        scaled--;                   /* down, on both sides of the base */
    return clocks.first[id] + scaled;
}

moment clock_now(clockid_t id)
{
    return clock_shown(id, clock_machine(id));
}

static moment meant(clockid_t id, moment shown)
{
    moment ahead = shown - clocks.first[id];
    if (clocks.rule.kind == CLOCK_FREEZE)
        return clock_machine(id) + ahead;
    /* Up: woken by the machine's clock, the program must find its deadline reached. */
    moment scaled = ahead * clocks.rule.per / clocks.rule.rate;
    if (scaled * clocks.rule.rate < ahead * clocks.rule.per)
        scaled++;
    return clocks.base[id] + scaled;
}

const struct timespec *clock_deadline(clockid_t id, const struct timespec *shown, struct timespec *room)
{
    if (!shown || !clock_shifted(id) || shown->tv_sec < 0 || shown->tv_nsec < 0 || shown->tv_nsec >= SECOND)
        return shown;
    moment when = meant(id, clock_moment(shown));
    *room = clock_timespec(when > 0 ? when : 1);
    return room;
}
