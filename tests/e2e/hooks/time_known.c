/* SPDX-License-Identifier: MIT */
/* Asks every clock and waits for every kind of deadline, beside the kernel's own clock,
 * which is read by system calls. Invariant: "wrong" lines are failures; nothing here
 * knows how the clock was shifted but by its arguments.
 *      time_known frozen SECONDS NANOSECONDS     every reader shows just that
 *      time_known offset SECONDS                 every reader shows the kernel's time and that
 *      time_known waits                          "NAME MILLISECONDS" that a wait until the
 *                                                shown time in 0.3 s took the kernel
 *      time_known refuses                        what must fail, fails as it does */
#include <errno.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

struct timeb { time_t time; unsigned short millitm; short zone, dst; };
int ftime(struct timeb *);
int ntp_gettimex(struct ntptimeval *);

typedef long long ns;
static const ns SECOND = 1000000000;

static ns nanoseconds(const struct timespec *time)
{
    return time->tv_sec * SECOND + time->tv_nsec;
}

static ns kernel(clockid_t id)
{
    struct timespec time;
    syscall(SYS_clock_gettime, id, &time);
    return nanoseconds(&time);
}

static ns shown(clockid_t id)
{
    struct timespec time;
    clock_gettime(id, &time);
    return nanoseconds(&time);
}

/* ---- readers ------------------------------------------------------------------------- */

static ns by_gettimeofday(void)
{
    struct timeval time;
    gettimeofday(&time, NULL);
    return time.tv_sec * SECOND + time.tv_usec * 1000;
}

static ns by_time(void)
{
    time_t other, seconds = time(&other);
    return seconds == other ? seconds * SECOND : -1;
}

static ns by_timespec_get(void)
{
    struct timespec time;
    return timespec_get(&time, TIME_UTC) == TIME_UTC ? nanoseconds(&time) : -1;
}

static ns by_ftime(void)
{
    struct timeb time;
    ftime(&time);
    return time.time * SECOND + time.millitm * 1000000LL;
}

static ns by_ntp(void)
{
    struct ntptimeval time;
    struct timex kernel_state = { 0 };
    bool nanos = ntp_gettimex(&time) >= 0 && adjtimex(&kernel_state) >= 0 && kernel_state.status & STA_NANO;
    return time.time.tv_sec * SECOND + time.time.tv_usec * (nanos ? 1 : 1000);
}

static ns by_adjtimex(void)
{
    struct timex time = { 0 };
    return adjtimex(&time) < 0 ? -1 : time.time.tv_sec * SECOND + time.time.tv_usec * (time.status & STA_NANO ? 1 : 1000);
}

static ns by_clock_adjtime(void)
{
    struct timex time = { 0 };
    return clock_adjtime(CLOCK_REALTIME, &time) < 0 ? -1
           : time.time.tv_sec * SECOND + time.time.tv_usec * (time.status & STA_NANO ? 1 : 1000);
}

static ns by_realtime(void) { return shown(CLOCK_REALTIME); }
static ns by_coarse(void) { return shown(CLOCK_REALTIME_COARSE); }

/* @unit is how finely it tells. A coarse clock is up to a tick behind. */
static const struct { const char *name; ns (*read)(void); ns unit; bool coarse; } readers[] = {
    { "clock_gettime", by_realtime, 1, false }, { "clock_gettime coarse", by_coarse, 1, true },
    { "gettimeofday", by_gettimeofday, 1000, false }, { "time", by_time, 1000000000, true },
    { "timespec_get", by_timespec_get, 1, false }, { "ftime", by_ftime, 1000000, false },
    { "ntp_gettimex", by_ntp, 1000, false }, { "adjtimex", by_adjtimex, 1000, false },
    { "clock_adjtime", by_clock_adjtime, 1000, false },
};
enum { READERS = sizeof readers / sizeof *readers };

static void frozen(ns moment)
{
    for (int i = 0; i < READERS; i++) {
        ns got = readers[i].read();
        if (got / readers[i].unit != moment / readers[i].unit)
            printf("wrong: %s shows %lld, not %lld\n", readers[i].name, got, moment);
    }
    printf("%d readers\n", READERS);
}

static void offset(ns by)
{
    for (int i = 0; i < READERS; i++) {
        ns before = kernel(readers[i].coarse ? CLOCK_REALTIME_COARSE : CLOCK_REALTIME);
        ns got = readers[i].read() - by, after = kernel(CLOCK_REALTIME);
        if (got + readers[i].unit <= before || got > after)
            printf("wrong: %s shows %lld, %lld from before\n", readers[i].name, got, got - before);
    }
    static const clockid_t others[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID };
    for (int i = 0; i < 4; i++) {
        ns before = kernel(others[i]), got = shown(others[i]);
        if (got < before || got > kernel(others[i]))
            printf("wrong: clock %d is shifted\n", others[i]);
    }
    printf("%d readers\n", READERS);
}

/* ---- waits --------------------------------------------------------------------------- */

static struct timespec in_a_while(clockid_t id)
{
    ns when = shown(id) + 300000000;
    return (struct timespec){ .tv_sec = when / SECOND, .tv_nsec = when % SECOND };
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER;
static mtx_t mtx;
static pthread_t sleeper;
static sem_t nothing;
static mqd_t empty, full;

static int nanosleep_until(clockid_t id, int flags, const struct timespec *time)
{
    return clock_nanosleep(id, flags, time, NULL);
}

static int cond_wait(clockid_t own, clockid_t of, const struct timespec *deadline)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, own);
    pthread_cond_init(&cond, &attributes);
    pthread_mutex_lock(&mutex);
    return of < 0 ? pthread_cond_timedwait(&cond, &mutex, deadline) : pthread_cond_clockwait(&cond, &mutex, of, deadline);
}

static int static_cond_wait(const struct timespec *deadline)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&mutex);
    return pthread_cond_timedwait(&cond, &mutex, deadline);
}

static int c11_wait(const struct timespec *deadline)
{
    mtx_t mutex;
    cnd_t cond;
    mtx_init(&mutex, mtx_plain);
    cnd_init(&cond);
    mtx_lock(&mutex);
    return cnd_timedwait(&cond, &mutex, deadline) == thrd_timedout ? ETIMEDOUT : -1;
}

static int timer_wait(clockid_t id, const struct timespec *deadline)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    struct itimerspec setting = { .it_value = *deadline };
    timer_t other, timer;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int got;
    timer_create(CLOCK_MONOTONIC, &event, &other);          /* another one, of another clock, gone again */
    timer_delete(other);
    if (timer_create(id, &event, &timer) || timer_settime(timer, TIMER_ABSTIME, &setting, NULL))
        return -1;
    sigwait(&set, &got);
    return timer_delete(timer) ? -1 : ETIMEDOUT;
}

static int timerfd_wait(clockid_t id, const struct timespec *deadline)
{
    struct itimerspec setting = { .it_value = *deadline };
    unsigned long long times;
    int fd = timerfd_create(id, 0);
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &setting, NULL) || read(fd, &times, sizeof times) != sizeof times)
        return -1;
    return close(fd), times == 1 ? ETIMEDOUT : -1;
}

static int failed(int result)
{
    return result < 0 ? errno : -1;
}

static int of_old(const struct timespec *deadline);

/* X(name, clock, expression: ETIMEDOUT, or 0 of a sleep) */
#define WAITS(X) \
    X(clock_nanosleep, CLOCK_REALTIME, nanosleep_until(CLOCK_REALTIME, TIMER_ABSTIME, &at)) \
    X(clock_nanosleep_monotonic, CLOCK_MONOTONIC, nanosleep_until(CLOCK_MONOTONIC, TIMER_ABSTIME, &at)) \
    X(cond_timedwait, CLOCK_REALTIME, cond_wait(CLOCK_REALTIME, -1, &at)) \
    X(cond_timedwait_static, CLOCK_REALTIME, static_cond_wait(&at)) \
    X(cond_timedwait_monotonic, CLOCK_MONOTONIC, cond_wait(CLOCK_MONOTONIC, -1, &at)) \
    X(cond_clockwait, CLOCK_REALTIME, cond_wait(CLOCK_MONOTONIC, CLOCK_REALTIME, &at)) \
    X(cond_clockwait_monotonic, CLOCK_MONOTONIC, cond_wait(CLOCK_REALTIME, CLOCK_MONOTONIC, &at)) \
    X(cnd_timedwait, CLOCK_REALTIME, c11_wait(&at)) \
    X(mutex_timedlock, CLOCK_REALTIME, pthread_mutex_timedlock(&held, &at)) \
    X(mutex_clocklock, CLOCK_REALTIME, pthread_mutex_clocklock(&held, CLOCK_REALTIME, &at)) \
    X(mutex_clocklock_monotonic, CLOCK_MONOTONIC, pthread_mutex_clocklock(&held, CLOCK_MONOTONIC, &at)) \
    X(mtx_timedlock, CLOCK_REALTIME, mtx_timedlock(&mtx, &at) == thrd_timedout ? ETIMEDOUT : -1) \
    X(rwlock_timedrdlock, CLOCK_REALTIME, pthread_rwlock_timedrdlock(&written, &at)) \
    X(rwlock_timedwrlock, CLOCK_REALTIME, pthread_rwlock_timedwrlock(&written, &at)) \
    X(rwlock_clockrdlock, CLOCK_REALTIME, pthread_rwlock_clockrdlock(&written, CLOCK_REALTIME, &at)) \
    X(rwlock_clockwrlock, CLOCK_REALTIME, pthread_rwlock_clockwrlock(&written, CLOCK_REALTIME, &at)) \
    X(timedjoin_np, CLOCK_REALTIME, pthread_timedjoin_np(sleeper, NULL, &at)) \
    X(sem_timedwait, CLOCK_REALTIME, failed(sem_timedwait(&nothing, &at))) \
    X(sem_timedwait_old, CLOCK_REALTIME, of_old(&at)) \
    X(sem_clockwait, CLOCK_REALTIME, failed(sem_clockwait(&nothing, CLOCK_REALTIME, &at))) \
    X(sem_clockwait_monotonic, CLOCK_MONOTONIC, failed(sem_clockwait(&nothing, CLOCK_MONOTONIC, &at))) \
    X(mq_timedreceive, CLOCK_REALTIME, failed((int)mq_timedreceive(empty, (char[8]){ 0 }, 8, NULL, &at))) \
    X(mq_timedsend, CLOCK_REALTIME, failed(mq_timedsend(full, "x", 1, 0, &at))) \
    X(timer_settime, CLOCK_REALTIME, timer_wait(CLOCK_REALTIME, &at)) \
    X(timerfd_settime, CLOCK_REALTIME, timerfd_wait(CLOCK_REALTIME, &at)) \
    X(timerfd_settime_monotonic, CLOCK_MONOTONIC, timerfd_wait(CLOCK_MONOTONIC, &at))

/* What programs built against an old libc import. */
__asm__(".symver old_sem_timedwait,sem_timedwait@GLIBC_2.2.5");
int old_sem_timedwait(sem_t *, const struct timespec *);
static int of_old(const struct timespec *deadline)
{
    return failed(old_sem_timedwait(&nothing, deadline));
}

#define WAITER(name, id, expression) \
    static void *wait_##name(void *unused) \
    { \
        struct timespec at = in_a_while(id); \
        ns before = kernel(CLOCK_MONOTONIC); \
        int result = expression; \
        ns after = kernel(CLOCK_MONOTONIC), now = shown(id); \
        bool early = getenv("FROZEN") ? false : now < nanoseconds(&at); \
        printf("%s%s %lld\n", (result && result != ETIMEDOUT) || early ? "wrong: " : "", #name, (after - before) / 1000000); \
        return unused; \
    }
WAITS(WAITER)

static void *sleep_long(void *unused)
{
    return sleep(60), unused;
}

static mqd_t queue(const char *kind)
{
    char name[64];
    struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 8 };
    snprintf(name, sizeof name, "/graft-%s-%d", kind, (int)getpid());
    mqd_t made = mq_open(name, O_CREAT | O_RDWR, 0600, &attributes);
    mq_unlink(name);
    return made;
}

/* All at once: the sum of the waits would be ten seconds. */
static void waits(void)
{
    static void *(*const all[])(void *) = {
#define NAME(name, id, expression) wait_##name,
        WAITS(NAME)
    };
    enum { COUNT = sizeof all / sizeof *all };
    pthread_t threads[COUNT];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    sem_init(&nothing, 0, 0);
    mtx_init(&mtx, mtx_timed);
    mtx_lock(&mtx), pthread_mutex_lock(&held), pthread_rwlock_wrlock(&written);
    empty = queue("empty"), full = queue("full");
    if (empty == (mqd_t)-1 || full == (mqd_t)-1 || mq_send(full, "x", 1, 0))
        printf("wrong: no queues: %s\n", strerror(errno));
    pthread_create(&sleeper, NULL, sleep_long, NULL);
    for (int i = 0; i < COUNT; i++)
        pthread_create(&threads[i], NULL, all[i], NULL);
    for (int i = 0; i < COUNT; i++)
        pthread_join(threads[i], NULL);
}

/* ---- what fails ------------------------------------------------------------------------ */

static void check(bool fine, const char *what)
{
    printf("%s%s\n", fine ? "" : "wrong: ", what);
}

static void refuses(void)
{
    struct timespec now, odd = { 1, 2000000000 }, past = { 0, 0 };
    struct timeval of_day, *volatile none = NULL;
    struct timezone zone;
    struct timex change = { .modes = ADJ_STATUS };
    struct itimerspec disarm = { .it_value = { 0, 0 } }, left;
    int fd = timerfd_create(CLOCK_REALTIME, 0);
    clock_gettime(CLOCK_REALTIME, &now);
    gettimeofday(&of_day, NULL);
    sem_init(&nothing, 0, 0);
    check(clock_settime(CLOCK_REALTIME, &now) < 0 && errno == EPERM, "clock_settime");
    check(settimeofday(&of_day, NULL) < 0 && errno == EPERM, "settimeofday");
    check(adjtimex(&change) < 0 && errno == EPERM, "adjtimex");
    check(adjtime(&(struct timeval){ 0, 1 }, NULL) < 0 && errno == EPERM, "adjtime");
    check(clock_gettime(99, &now) < 0 && errno == EINVAL, "clock_gettime of no clock");
    check(gettimeofday(none, &zone) == 0, "gettimeofday of the zone alone");
    check(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &odd, NULL) == EINVAL, "clock_nanosleep until no time");
    check(sem_timedwait(&nothing, &odd) < 0 && errno == EINVAL, "sem_timedwait until no time");
    check(sem_timedwait(&nothing, &past) < 0 && errno == ETIMEDOUT, "sem_timedwait until the past");
    check(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL) == 0, "clock_nanosleep until the past");
    check(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &disarm, NULL) && !timerfd_gettime(fd, &left) && !left.it_value.tv_sec &&
          !left.it_value.tv_nsec, "a timer that is disarmed stays so");
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    if (!strcmp(what, "frozen") && count == 4)
        frozen(atoll(arguments[2]) * SECOND + atoll(arguments[3]));
    else if (!strcmp(what, "offset") && count == 3)
        offset(atoll(arguments[2]) * SECOND);
    else if (!strcmp(what, "waits"))
        waits();
    else if (!strcmp(what, "refuses"))
        refuses();
    else
        return 2;
    return 0;
}
