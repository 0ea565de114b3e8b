/* SPDX-License-Identifier: MIT */
/* Loads under load: many threads at once, forks, signals, and a plugin that comes and
 * goes thousands of times. */

#include "load_fixture.h"
#include "process.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOADERS = 8, STORMS = 3 };

static atomic_bool stop;
static atomic_ulong loads, storms, wrong;
static char first_wrong[512];

static bool is_slow(void)
{
    return getenv("GRAFT_SLOW_TOOL") != NULL;
}

static int rounds(int all)
{
    return is_slow() ? all / 10 : all;
}

static void note_wrong(const char *what)
{
    if (wrong++ == 0)
        snprintf(first_wrong, sizeof first_wrong, "%s", what);
}

static void expect_none_wrong(void)
{
    if (wrong)
        fail_msg("%lu of %lu loads went wrong, first: %s", (unsigned long)wrong, (unsigned long)loads, first_wrong);
}

/* ---- threads ------------------------------------------------------------------------------ */

/* fixture_path's buffers are one thread's: paths are made before. */
struct job { char path[1024]; const char *function; int want; unsigned ways; };

static struct job job_of(const char *file, const char *function, int want, unsigned ways)
{
    struct job job = { .function = function, .want = want, .ways = ways };
    snprintf(job.path, sizeof job.path, "%s", loads_path(file));
    return job;
}

static void load_once(const struct job *job, bool close)
{
    struct graft_load wish = { .size = sizeof wish, .ways = job->ways };
    struct graft_error error;
    void *handle = NULL;
    int result = graft_load(job->path, RTLD_NOW, &wish, &handle, &error);
    loads++;
    if (result) {
        note_wrong(error.text);
        return;
    }
    int (*ask)(void) = (int (*)(void))dlsym(handle, job->function), answer = ask ? ask() : -1;
    if (answer != job->want) {
        char text[200];
        snprintf(text, sizeof text, "%s answers %d, not %d", job->function, answer, job->want);
        note_wrong(text);
    }
    if (close && dlclose(handle))
        note_wrong("dlclose");
}

static pthread_barrier_t gate;

static void *load_at_once(void *arg)
{
    pthread_barrier_wait(&gate);
    load_once(arg, false);
    return NULL;
}

static void *load_again_and_again(void *arg)
{
    pthread_barrier_wait(&gate);
    for (int i = rounds(60); i > 0; i--)
        load_once(arg, true);
    return NULL;
}

static void *storm(void *arg)
{
    const struct job *job = arg;
    while (!stop) {
        void *handle = dlopen(job->path, RTLD_NOW);
        if (!handle || dlclose(handle))
            note_wrong(handle ? "dlclose in the storm" : "dlopen in the storm");
        storms++;
        usleep(100);                    /* there are fewer processors than threads */
    }
    return NULL;
}

static void run_threads(void *(*function)(void *), struct job *jobs, size_t kinds)
{
    pthread_t thread[LOADERS];
    assert_int_equal(pthread_barrier_init(&gate, NULL, LOADERS), 0);
    for (size_t i = 0; i < LOADERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, function, &jobs[i % kinds]), 0);
    for (size_t i = 0; i < LOADERS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&gate);
}

static pthread_t storming[STORMS];

static void start_storm(void)
{
    static const char *const files[STORMS] = { "libleaf.so", "libversions.so", "sub/libonly_there.so" };
    static struct job jobs[STORMS];
    stop = false;
    for (size_t i = 0; i < STORMS; i++) {
        jobs[i] = job_of(files[i], NULL, 0, 0);
        assert_int_equal(pthread_create(&storming[i], NULL, storm, &jobs[i]), 0);
    }
}

static void end_storm(void)
{
    stop = true;
    for (size_t i = 0; i < STORMS; i++)
        pthread_join(storming[i], NULL);
    assert_true(storms > 0);
}

static void eight_threads_load_one_consumer_at_once(void **state)
{
    (void)state;
    loads_host();
    struct job job = job_of("libuser.so", "user_cached", HOST, 0);
    run_threads(load_at_once, &job, 1);
    expect_none_wrong();
    assert_int_equal(loads_noted("libuser up"), 1);
    assert_int_equal(loads_is_listed("graft-provider:"), 1);
    assert_false(loads_is_mapped("librtdup"));
    void *handle = dlopen(job.path, RTLD_NOW | RTLD_NOLOAD);
    for (int i = 0; i < LOADERS; i++) {
        assert_true(loads_is_mapped("libuser.so"));
        assert_int_equal(dlclose(handle), 0);
    }
    assert_int_equal(dlclose(handle), 0);               /* the one of NOLOAD */
    assert_false(loads_is_mapped("libuser.so"));
}

/* The first of each library is mapped by one thread while others plan. */
static void load_four_kinds(void *arg)
{
    (void)arg;
    loads_host();
    struct job jobs[] = { job_of("libuser.so", "user_cached_datum", HOST, 0), job_of("libuser_more.so", "user_more", 1010, 0),
                          job_of("libuser_third.so", "user_third", 100, 0), job_of("libearly.so", "early_datum", HOST, 0) };
    run_threads(load_at_once, jobs, 4);
    expect_none_wrong();
    assert_int_equal(loads_is_listed("graft-provider:"), 1);
    assert_false(loads_is_mapped("librtdup"));
}

static void eight_threads_load_consumers_of_one_runtime_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < rounds(60); i++)
        loads_in_a_child(load_four_kinds, NULL);
}

static void eight_threads_rebind_one_consumer_at_once(void **state)
{
    (void)state;
    loads_host();
    struct job job = job_of("libuser.so", "user_cached", HOST, GRAFT_WAY_BIT(GRAFT_WAY_REBIND));
    run_threads(load_at_once, &job, 1);
    expect_none_wrong();
    assert_int_equal(loads_noted("libuser up"), 1);
}

static void loads_in_a_storm_of_dlopen_and_dlclose_are_right(void **state)
{
    (void)state;
    loads_host();
    struct job jobs[] = { job_of("libuser.so", "user_cached_datum", HOST, 0), job_of("libuser_more.so", "user_more", 1010, 0),
                          job_of("libconstructor_opens.so", "opened_call", 4000 + HOST, 0),
                          job_of("libtop.so", "user_cached", HOST, 0) };
    start_storm();
    run_threads(load_again_and_again, jobs, 4);
    end_storm();
    expect_none_wrong();
    assert_int_equal(loads_is_listed("graft-"), 1);
}

/* One after the other: see test_load_later for what a second rebind meets. */
static void rebinds_in_a_storm_are_right(void **state)
{
    (void)state;
    loads_host();
    start_storm();
    struct job jobs[] = { job_of("libuser.so", "user_cached", HOST, GRAFT_WAY_BIT(GRAFT_WAY_REBIND)),
                          job_of("libconstructor_opens.so", "opened_call", 4000 + HOST, GRAFT_WAY_BIT(GRAFT_WAY_REBIND)) };
    for (int i = 0; i < rounds(200); i++)
        load_once(&jobs[i % 2], true);
    end_storm();
    expect_none_wrong();
    assert_int_equal(loads_is_listed("graft-"), 0);
    assert_false(loads_is_mapped("librtdup"));
}

/* ---- fork ----------------------------------------------------------------------------------- */

static void *load_until_told(void *arg)
{
    while (!stop) {
        load_once(arg, true);
        sched_yield();
    }
    return NULL;
}

/* The child's wait status; -1: it did not end in five seconds. */
static int end_of(pid_t child)
{
    int status;
    for (int i = 0; i < 5000; i++, usleep(1000))
        if (waitpid(child, &status, WNOHANG) == child)
            return status;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

/* ld.so's own list may be half written in a child that forks at any instant, so that others
 * are inside graft, not inside a dlopen that maps: their consumer stays loaded. */
static void a_child_that_was_forked_while_others_load_can_load(void **state)
{
    pthread_t thread[4];
    (void)state;
    loads_host();
    static struct job job, other;               /* threads may outlive a test that fails */
    job = job_of("libuser.so", "user_cached", HOST, 0);
    other = job_of("libuser_more.so", "user_more", 1010, 0);
    load_once(&job, false);
    load_once(&other, false);
    stop = false;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, load_until_told, &job), 0);
    for (int i = 0; i < rounds(300); i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            wrong = 0;
            load_once(&job, true);
            load_once(&other, true);
            _exit(wrong != 0);
        }
        int status = end_of(child);
        if (status)
            fail_msg("child %d: status %#x", i, (unsigned)status);
    }
    stop = true;
    for (size_t i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    expect_none_wrong();
}

/* ---- again and again --------------------------------------------------------------------------- */

/* What is kept for good comes in pieces of 64 KiB, and the picture of the process that is
 * kept between looks is made anew now and then: a few pieces are no growth. */
static void come_and_go(const struct job *job, int times)
{
    size_t mappings = 0, descriptors = 0, memory = loads_memory();
    for (int i = 0; i < times; i++) {
        load_once(job, true);
        if (i == times / 10) {
            mappings = loads_mappings();
            descriptors = loads_descriptors();
            memory = loads_memory();
        }
    }
    expect_none_wrong();
    assert_int_equal(loads_descriptors(), descriptors);
    if (loads_mappings() > mappings + 4)
        fail_msg("%zu mappings, then %zu", mappings, loads_mappings());
#ifdef __SANITIZE_ADDRESS__             /* whose malloc keeps what was freed */
    (void)memory;
#else
    if (loads_memory() >= memory + (320 << 10))
        fail_msg("%zu bytes mapped, then %zu", memory, loads_memory());
#endif
}

static void a_plugin_comes_and_goes_thousands_of_times_and_nothing_grows(void **state)
{
    (void)state;
    loads_host();
    struct job job = job_of("libearly.so", "early_datum", HOST, 0);
    come_and_go(&job, rounds(4000));
    assert_int_equal(loads_is_listed("graft-"), 1);
}

static void a_rebound_plugin_comes_and_goes_thousands_of_times_and_nothing_grows(void **state)
{
    (void)state;
    loads_host();
    struct job job = job_of("libearly.so", "early_datum", HOST, GRAFT_WAY_BIT(GRAFT_WAY_REBIND));
    come_and_go(&job, rounds(4000));
    assert_int_equal(loads_is_listed("graft-"), 0);
}

/* The host's library itself goes and comes: the stand-in's addresses are of the old one. */
static void a_host_that_was_unloaded_and_came_back_is_served_right_or_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct graft_error error;
        void *consumer = NULL, *host = loads_host();
        int result = graft_load(loads_path("libuser.so"), RTLD_NOW, NULL, &consumer, &error);
        if (result)
            assert_int_equal(result, -GRAFT_EREFUSED);
        else
            assert_int_equal(loads_ask(consumer, "user_call"), HOST);
        if (!result)
            dlclose(consumer);
        dlclose(host);
        loads_plainly("libversions.so", RTLD_NOW);      /* something else may take its place */
        loads_plainly("libleaf.so", RTLD_NOW);
    }
}

/* ---- signals -------------------------------------------------------------------------------------- */

static atomic_ulong signals;

static void on_alarm(int number)
{
    (void)number;
    signals++;
}

static void signals_during_loads_interrupt_nothing(void **state)
{
    const struct itimerval often = { { 0, 200 }, { 0, 200 } }, never = { { 0, 0 }, { 0, 0 } };
    const struct sigaction action = { .sa_handler = on_alarm };         /* no SA_RESTART */
    (void)state;
    loads_host();
    struct job job = job_of("libuser.so", "user_cached", HOST, 0), top = job_of("libtop.so", "user_cached_datum", HOST, 0);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < rounds(300); i++)
        load_once(i % 2 ? &job : &top, true);
    setitimer(ITIMER_REAL, &never, NULL);
    expect_none_wrong();
    assert_true(signals > 10);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_threads_load_one_consumer_at_once),
        cmocka_unit_test(eight_threads_load_consumers_of_one_runtime_at_once),
        cmocka_unit_test(eight_threads_rebind_one_consumer_at_once),
        cmocka_unit_test(loads_in_a_storm_of_dlopen_and_dlclose_are_right),
        cmocka_unit_test(rebinds_in_a_storm_are_right),
        cmocka_unit_test(a_child_that_was_forked_while_others_load_can_load),
        cmocka_unit_test(a_plugin_comes_and_goes_thousands_of_times_and_nothing_grows),
        cmocka_unit_test(a_rebound_plugin_comes_and_goes_thousands_of_times_and_nothing_grows),
        cmocka_unit_test(a_host_that_was_unloaded_and_came_back_is_served_right_or_refused),
        cmocka_unit_test(signals_during_loads_interrupt_nothing),
    };
    return each_in_a_process(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
