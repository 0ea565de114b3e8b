/* SPDX-License-Identifier: MIT */
#ifndef TIME_SHIFT_H
#define TIME_SHIFT_H

/* Every function that is replaced, once: READERS tell the program the time, DEADLINES
 * take a moment of the program's time. X(name) names a function of libc that its
 * headers declare. */

#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <threads.h>
#include <time.h>

struct timeb;                       /* not in every libc's headers any more */
int ftime(struct timeb *);
int ntp_gettimex(struct ntptimeval *);

#define SHIFT_READERS(X) \
    X(clock_gettime) X(gettimeofday) X(time) X(timespec_get) X(ftime) \
    X(ntp_gettimex) X(adjtimex) X(ntp_adjtime) X(clock_adjtime) \
    X(clock_settime) X(settimeofday) X(adjtime)

#define SHIFT_DEADLINES(X) \
    X(clock_nanosleep) \
    X(pthread_cond_timedwait) X(pthread_cond_clockwait) X(cnd_timedwait) \
    X(pthread_mutex_timedlock) X(pthread_mutex_clocklock) X(mtx_timedlock) \
    X(pthread_rwlock_timedrdlock) X(pthread_rwlock_timedwrlock) \
    X(pthread_rwlock_clockrdlock) X(pthread_rwlock_clockwrlock) \
    X(pthread_timedjoin_np) X(pthread_clockjoin_np) \
    X(sem_timedwait) X(sem_clockwait) X(mq_timedsend) X(mq_timedreceive) \
    X(timer_create) X(timer_delete) X(timer_settime) X(timerfd_settime)

#define SHIFT_DECLARE(name) \
    extern __typeof__(name) *next_##name; \
    __typeof__(name) our_##name;
SHIFT_READERS(SHIFT_DECLARE)
SHIFT_DEADLINES(SHIFT_DECLARE)

/* Once, before the hooks are in. */
void deadlines_begin(void);

#endif
