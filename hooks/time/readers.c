/* SPDX-License-Identifier: MIT */
/* The functions that tell the time. Invariant: they agree with each other as the
 * machine's own do, whichever of them is asked; what a failing call returns is left
 * alone. The machine's clock is not the program's to set: it would be set to a moment
 * that is not now. */
#include "shift.h"

#include <errno.h>

#include "clock.h"

/* <sys/timeb.h> has it, and warns of it. */
struct timeb {
    time_t time;
    unsigned short millitm;
    short timezone, dstflag;
};

#define NEXT(name) __typeof__(name) *next_##name;
SHIFT_READERS(NEXT)

int our_clock_gettime(clockid_t id, struct timespec *time)
{
    int result = next_clock_gettime(id, time);
    if (!result && clock_shifted(id))
        *time = clock_timespec(clock_shown(id, clock_moment(time)));
    return result;
}

static struct timeval in_microseconds(moment when)
{
    struct timespec time = clock_timespec(when);
    return (struct timeval){ .tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000 };
}

int our_gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    int result = next_gettimeofday(time, zone);
    struct timeval *given = time;
    __asm__("" : "+r"(given));      /* the header promises that it is not NULL; programs ask for the zone alone */
    if (!result && given)
        *given = in_microseconds(clock_now(CLOCK_REALTIME));
    return result;
}

time_t our_time(time_t *seconds)
{
    time_t now = clock_timespec(clock_now(CLOCK_REALTIME_COARSE)).tv_sec;
    if (seconds)
        *seconds = now;
    return now;
}

int our_timespec_get(struct timespec *time, int base)
{
    int result = next_timespec_get(time, base);
    if (result == TIME_UTC)
        *time = clock_timespec(clock_now(CLOCK_REALTIME));
    return result;
}

int our_ftime(struct timeb *time)
{
    int result = next_ftime(time);
    struct timespec now = clock_timespec(clock_now(CLOCK_REALTIME));
    if (!result) {
        time->time = now.tv_sec;
        time->millitm = (unsigned short)(now.tv_nsec / 1000000);
    }
    return result;
}

/* The kernel's unit is in the answer itself. */
static struct timeval kernel_time(bool nanoseconds)
{
    struct timespec now = clock_timespec(clock_now(CLOCK_REALTIME));
    return (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = nanoseconds ? now.tv_nsec : now.tv_nsec / 1000 };
}

int our_ntp_gettimex(struct ntptimeval *answer)
{
    int result = next_ntp_gettimex(answer);
    struct timex kernel = { 0 };
    if (result >= 0 && next_adjtimex(&kernel) >= 0)
        answer->time = kernel_time(kernel.status & STA_NANO);
    return result;
}

static int refuse(void)
{
    errno = EPERM;
    return -1;
}

static int shown_timex(int result, struct timex *answer)
{
    if (result >= 0)
        answer->time = kernel_time(answer->status & STA_NANO);
    return result;
}

int our_adjtimex(struct timex *answer)
{
    return answer->modes ? refuse() : shown_timex(next_adjtimex(answer), answer);
}

int our_ntp_adjtime(struct timex *answer)
{
    return answer->modes ? refuse() : shown_timex(next_ntp_adjtime(answer), answer);
}

int our_clock_adjtime(clockid_t id, struct timex *answer)
{
    if (id != CLOCK_REALTIME)
        return next_clock_adjtime(id, answer);
    return answer->modes ? refuse() : shown_timex(next_clock_adjtime(id, answer), answer);
}

int our_adjtime(const struct timeval *delta, struct timeval *left)
{
    return delta ? refuse() : next_adjtime(delta, left);
}

int our_clock_settime(clockid_t id, const struct timespec *time)
{
    return clock_shifted(id) ? refuse() : next_clock_settime(id, time);
}

/* A time zone alone sets no clock. */
int our_settimeofday(const struct timeval *time, const struct timezone *zone)
{
    return time ? refuse() : next_settimeofday(time, zone);
}
