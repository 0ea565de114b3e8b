/* SPDX-License-Identifier: MIT */
/* hooks/common by itself: arguments, tables under threads and signals, JSON, names of
 * addresses. Prints what is wrong; exit 1 if anything. Compiled with hooks/common. */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/options.h"
#include "common/place.h"
#include "common/report.h"
#include "common/table.h"

static int failures;

#define CHECK(condition, ...) \
    do { \
        if (!(condition)) { \
            failures++; \
            printf("line %d: %s: ", __LINE__, #condition); \
            printf(__VA_ARGS__); \
            puts(""); \
        } \
    } while (0)

/* ---- arguments ------------------------------------------------------------------------ */

static struct { bool flag; unsigned long number; char text[8]; int pairs; } set;

static int read_pair(const char *text, void *value, char *why, size_t size)
{
    if (!strchr(text, '-'))
        return snprintf(why, size, "is no pair"), -1;
    (*(int *)value)++;
    return 0;
}

static const struct option options[] = {
    { "flag", OPTION_FLAG, &set.flag, 0, NULL },
    { "number", OPTION_NUMBER, &set.number, 0, NULL },
    { "text", OPTION_TEXT, set.text, sizeof set.text, NULL },
    { "pair", OPTION_PARSED, &set.pairs, 0, read_pair },
};

static void refused(const char *arguments, const char *text)
{
    struct graft_error error = { 0 };
    int code = options_parse(arguments, options, sizeof options / sizeof *options, &error);
    CHECK(code == -GRAFT_EINVAL && error.code == code, "%s: %d", arguments, code);
    CHECK(!strcmp(error.text, text), "%s: %s", arguments, error.text);
}

static void check_options(void)
{
    static char endless[5000] = "text=";
    struct graft_error error = { 0 };
    const char *good = "flag,number=18446744073709551615,,text=a\\,b,pair=1-2,pair=3-4,json,file=/x,";
    CHECK(!options_parse(good, options, 4, &error), "%s", error.text);
    CHECK(set.flag && set.number == ~0ul && !strcmp(set.text, "a,b") && set.pairs == 2, "%s", set.text);
    CHECK(report_settings.json && !strcmp(report_settings.file, "/x"), "%s", report_settings.file);
    CHECK(!options_parse("", options, 4, NULL) && !options_parse(NULL, options, 4, NULL), "nothing is fine");
    refused("flog", "unknown argument 'flog'; known: flag number= text= pair= file= json");
    refused("flog=1", "unknown argument 'flog=1'; known: flag number= text= pair= file= json");
    refused("flag=1", "flag=1: takes no value");
    refused("number", "number=: needs a value");
    refused("number=", "number=: is not a number");
    refused("number=18446744073709551616", "number=18446744073709551616: is not a number");
    refused("number=-1", "number=-1: is not a number");
    refused("text=12345678", "text=12345678: is too long");
    refused("text=", "text=: needs a value");
    refused("pair=12", "pair=12: is no pair");
    memset(endless + 5, 'x', sizeof endless - 6);
    CHECK(options_parse(endless, options, 4, &error) == -GRAFT_EINVAL && strstr(error.text, "is too long"), "%s", error.text);
}

/* ---- tables ------------------------------------------------------------------------------ */

enum { THREADS = 4, KEYS = 20000, ROUNDS = 5 };

static struct table numbers = TABLE_BY_ADDRESS(_Atomic size_t), words = TABLE_BY_TEXT(_Atomic size_t);
static _Atomic size_t made, in_signal;

static void count(size_t key, size_t by)
{
    char text[40];
    bool is_new;
    _Atomic size_t *value = table_at(&numbers, key + 1, &is_new);
    atomic_fetch_add(value, by);
    atomic_fetch_add(&made, is_new);
    snprintf(text, sizeof text, "key number %zu", key);
    value = table_at_text(&words, text, &is_new);
    atomic_fetch_add(value, by);
    atomic_fetch_add(&made, is_new);
}

static void on_alarm(int number)
{
    (void)number;
    count(atomic_fetch_add(&in_signal, 1) % KEYS, 1000);
}

static void *fill(void *arg)
{
    (void)arg;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t key = 0; key < KEYS; key++)
            count(key, 1);
    }
    return NULL;
}

static int sum(uintptr_t key, void *value, void *arg)
{
    (void)key;
    *(size_t *)arg += atomic_load((_Atomic size_t *)value);
    return 0;
}

static int stop_at_third(uintptr_t key, void *value, void *arg)
{
    (void)key, (void)value;
    return ++*(int *)arg == 3 ? 7 : 0;
}

static void check_tables(void)
{
    pthread_t threads[THREADS];
    struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, fill, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    setitimer(ITIMER_REAL, &never, NULL);
    size_t total = 0, total_text = 0, wanted = (size_t)THREADS * KEYS * ROUNDS + 1000 * in_signal;
    table_each(&numbers, sum, &total);
    table_each(&words, sum, &total_text);
    CHECK(in_signal > 5, "only %zu signals", in_signal);
    CHECK(made == 2 * KEYS, "%zu entries are new", made);
    CHECK(total == wanted && total_text == wanted, "%zu and %zu, not %zu", total, total_text, wanted);
    CHECK(!table_find(&numbers, KEYS + 1), "a key that was never put in");
    CHECK(!table_at(&numbers, 0, NULL), "0 is no key");
    CHECK(!strcmp(table_text(table_at_text(&words, "key number 77", NULL)), "key number 77"), "its text");
    int visited = 0;
    CHECK(table_each(&numbers, stop_at_third, &visited) == 7 && visited == 3, "%d visited", visited);
    table_zero(&numbers);
    total = 0;
    table_each(&numbers, sum, &total);
    CHECK(!total && table_find(&numbers, 1), "%zu after zeroing", total);
}

/* ---- reports -------------------------------------------------------------------------------- */

static void json_is(const char *text, const char *wanted)
{
    struct report out;
    report_begin(&out);
    report_json(&out, text);
    CHECK(!strcmp(out.text, wanted), "%s", out.text);
}

static void check_reports(void)
{
    struct report out;
    char long_text[5000], wanted[60];
    json_is(NULL, "null");
    json_is("", "\"\"");
    json_is("a\"b\\c\n\x7f/ü€😀", "\"a\\\"b\\\\c\\u000a\\u007f/ü€😀\"");
    json_is("\xff\xc3", "\"\\ufffd\\ufffd\"");                      /* no start; cut off */
    json_is("\xc0\xaf\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");   /* overlong; a surrogate */
    json_is("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");              /* beyond the last */
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    report_begin(&out);
    report_line(&out, "%s", long_text);
    int prefix = snprintf(wanted, sizeof wanted, "graft check[%d]: ", (int)getpid());
    CHECK(out.length == (size_t)prefix + 5000 && !strncmp(out.text, wanted, (size_t)prefix), "%zu", out.length);
    CHECK(out.text[out.length - 1] == '\n' && out.text[out.length - 2] == 'x', "its end");
    report_send(&out);
}

static void check_places(void)
{
    char name[300], small[5];
    place_name(name, sizeof name, (const char *)check_places + 3);
    CHECK(!strncmp(name, "common_check+0x", 15), "%s", name);
    place_name(name, sizeof name, (void *)0x10);
    CHECK(!strcmp(name, "0x10"), "%s", name);
    place_name(small, sizeof small, (void *)check_places);
    CHECK(!strcmp(small, "comm"), "%s", small);
    struct place libc = place_find((void *)(size_t)&getpagesize);
    CHECK(libc.path && !strcmp(place_base(libc.path), "libc.so.6") && libc.offset, "%s", libc.path);
}

int main(void)
{
    struct graft_error error = { 0 };
    check_options();
    strcpy(report_settings.file, "reports/%p%%");
    CHECK(!report_start("check", &error), "%s", error.text);
    check_tables();
    check_reports();
    check_places();
    return failures != 0;
}
