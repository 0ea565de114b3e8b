/* SPDX-License-Identifier: MIT */
/* The functions that wait until a moment, which the program took from the shown
 * clock and the kernel compares with its own. Invariant: nothing but the deadline is
 * changed, and a deadline that cannot be one reaches the function as it is, to be
 * refused there. Durations (sleep, poll, alarm) are passed on by not being here. */
#include "shift.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "common/table.h"

#define NEXT(name) __typeof__(name) *next_##name;
SHIFT_DEADLINES(NEXT)

/* Each passes the real deadline for the program's one, of the clock @id, on. */
#define REAL(id, deadline) clock_deadline(id, deadline, &(struct timespec){ 0 })

int our_clock_nanosleep(clockid_t id, int flags, const struct timespec *time, struct timespec *left)
{
    return next_clock_nanosleep(id, flags, flags & TIMER_ABSTIME ? REAL(id, time) : time, left);
}

/* ---- condition variables: the clock is a property of each --------------------- */

static struct { size_t byte; unsigned char bit; } cond_clock;

/* Where libc keeps it is its own affair: two that differ in nothing else show it. */
static void find_cond_clock(void)
{
    static pthread_cond_t of_date, of_boot;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_cond_init(&of_date, &attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&of_boot, &attributes);
    pthread_condattr_destroy(&attributes);
    for (size_t i = 0; i < sizeof of_date; i++)
        if (((unsigned char *)&of_date)[i] != ((unsigned char *)&of_boot)[i]) {
            cond_clock.byte = i;
            cond_clock.bit = ((unsigned char *)&of_date)[i] ^ ((unsigned char *)&of_boot)[i];
        }
}

static clockid_t clock_of(const pthread_cond_t *cond)
{
    unsigned char byte = ((const volatile unsigned char *)cond)[cond_clock.byte];
    return byte & cond_clock.bit ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

int our_pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                               const struct timespec *restrict deadline)
{
    return next_pthread_cond_timedwait(cond, mutex, REAL(clock_of(cond), deadline));
}

int our_pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex, clockid_t id,
                               const struct timespec *restrict deadline)
{
    return next_pthread_cond_clockwait(cond, mutex, id, REAL(id, deadline));
}

int our_cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict deadline)
{
    return next_cnd_timedwait(cond, mutex, REAL(CLOCK_REALTIME, deadline));
}

/* ---- locks, threads, semaphores, queues --------------------------------------- */

int our_pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict deadline)
{
    return next_pthread_mutex_timedlock(mutex, REAL(CLOCK_REALTIME, deadline));
}

int our_pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t id, const struct timespec *restrict deadline)
{
    return next_pthread_mutex_clocklock(mutex, id, REAL(id, deadline));
}

int our_mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict deadline)
{
    return next_mtx_timedlock(mutex, REAL(CLOCK_REALTIME, deadline));
}

int our_pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict lock, const struct timespec *restrict deadline)
{
    return next_pthread_rwlock_timedrdlock(lock, REAL(CLOCK_REALTIME, deadline));
}

int our_pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict lock, const struct timespec *restrict deadline)
{
    return next_pthread_rwlock_timedwrlock(lock, REAL(CLOCK_REALTIME, deadline));
}

int our_pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict lock, clockid_t id, const struct timespec *restrict deadline)
{
    return next_pthread_rwlock_clockrdlock(lock, id, REAL(id, deadline));
}

int our_pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict lock, clockid_t id, const struct timespec *restrict deadline)
{
    return next_pthread_rwlock_clockwrlock(lock, id, REAL(id, deadline));
}

int our_pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *deadline)
{
    return next_pthread_timedjoin_np(thread, result, REAL(CLOCK_REALTIME, deadline));
}

int our_pthread_clockjoin_np(pthread_t thread, void **result, clockid_t id, const struct timespec *deadline)
{
    return next_pthread_clockjoin_np(thread, result, id, REAL(id, deadline));
}

int our_sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict deadline)
{
    return next_sem_timedwait(semaphore, REAL(CLOCK_REALTIME, deadline));
}

int our_sem_clockwait(sem_t *restrict semaphore, clockid_t id, const struct timespec *restrict deadline)
{
    return next_sem_clockwait(semaphore, id, REAL(id, deadline));
}

int our_mq_timedsend(mqd_t queue, const char *text, size_t size, unsigned priority, const struct timespec *deadline)
{
    return next_mq_timedsend(queue, text, size, priority, REAL(CLOCK_REALTIME, deadline));
}

ssize_t our_mq_timedreceive(mqd_t queue, char *restrict text, size_t size, unsigned *restrict priority,
                            const struct timespec *restrict deadline)
{
    return next_mq_timedreceive(queue, text, size, priority, REAL(CLOCK_REALTIME, deadline));
}

/* ---- timers -------------------------------------------------------------------- */

/* A timer's identity is any value but its clock is asked of nobody: kept from its
 * creation, as the clock + 1; a key of 0 is not possible in a table. */
static struct table timers = TABLE_BY_ADDRESS(_Atomic int);

static _Atomic int *timer_place(timer_t timer)
{
    return table_at(&timers, (uintptr_t)timer + 1, NULL);
}

int our_timer_create(clockid_t id, struct sigevent *restrict event, timer_t *restrict timer)
{
    int result = next_timer_create(id, event, timer);
    _Atomic int *place = result ? NULL : timer_place(*timer);
    if (place)
        *place = id + 1;
    return result;
}

int our_timer_delete(timer_t timer)
{
    _Atomic int *place = timer_place(timer);
    int known = place ? *place : 0, result;
    if (known)
        *place = 0;                 /* before the number can be another timer's */
    result = next_timer_delete(timer);
    if (result && known)
        *place = known;
    return result;
}

/* Nothing is disarmed by becoming 0, nor armed that was 0. */
static struct itimerspec real_setting(clockid_t id, const struct itimerspec *shown)
{
    struct itimerspec real = *shown;
    if (shown->it_value.tv_sec || shown->it_value.tv_nsec)
        real.it_value = *REAL(id, &shown->it_value);
    return real;
}

int our_timer_settime(timer_t timer, int flags, const struct itimerspec *restrict setting,
                      struct itimerspec *restrict before)
{
    _Atomic int *place = timer_place(timer);
    if (!(flags & TIMER_ABSTIME) || !setting || !place || !*place)
        return next_timer_settime(timer, flags, setting, before);
    struct itimerspec real = real_setting(*place - 1, setting);
    return next_timer_settime(timer, flags, &real, before);
}

/* The kernel tells which clock a timerfd is of, wherever it came from: inherited, or
 * received over a socket. */
static int timerfd_clock(int fd)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long length = info < 0 ? 0 : syscall(SYS_read, info, text, sizeof text - 1);
    if (info >= 0)
        syscall(SYS_close, info);
    text[length > 0 ? length : 0] = '\0';
    const char *line = strstr(text, "clockid: ");
    return line ? atoi(line + strlen("clockid: ")) : -1;
}

int our_timerfd_settime(int fd, int flags, const struct itimerspec *setting, struct itimerspec *before)
{
    int id = setting && flags & TFD_TIMER_ABSTIME ? timerfd_clock(fd) : -1;
    if (id < 0)
        return next_timerfd_settime(fd, flags, setting, before);
    struct itimerspec real = real_setting(id, setting);
    return next_timerfd_settime(fd, flags, &real, before);
}

void deadlines_begin(void)
{
    find_cond_clock();
}
