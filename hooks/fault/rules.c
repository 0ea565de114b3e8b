/* SPDX-License-Identifier: MIT */
/* The rules: which calls they are about, and whose turn it is. Invariant: a rule counts
 * every call that fits its filters, whether another rule has already failed it or not;
 * so its n-th is the n-th of the program. Nothing here allocates or locks: malloc, a
 * signal handler or any thread may be asking. */
#include "rules.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common/hook.h"
#include "common/io_glob.h"
#include "common/options.h"
#include "common/place.h"

enum { RULES = 32, NOT_GIVEN = -1 };
#define NO_NUMBER ULONG_MAX

struct rule {
    uint64_t calls;                 /* a bit for each */
    char path[256], in[256], fd[16];
    unsigned long nth, every, from, to, times, rate, seed;
    int error;
    unsigned long bytes, delay;
    char text[512];                 /* as it was written, for the report */
    _Atomic unsigned long matched, met;
};

static struct rule rules[RULES];
static size_t count;
bool rules_cover[FAULT_COUNT];

static const struct { const char *name; int error; } calls[] = {
#define FAULT_NAME(name, error) { #name, error },
    FAULT_CALLS(FAULT_NAME)
};
_Static_assert(FAULT_COUNT <= 64, "a bit for each");

/* ---- reading --------------------------------------------------------------------- */

static bool unknown_call;

static int call_number(const char *name, size_t length)
{
    for (int i = 0; i < FAULT_COUNT; i++)
        if (strlen(calls[i].name) == length && !strncmp(calls[i].name, name, length))
            return i;
    return -1;
}

/* NAME, or NAME+NAME. */
static int read_calls(const char *text, void *value, char *why, size_t size)
{
    (void)why;
    (void)size;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, "+");
        int number = call_number(at, length);
        if (number < 0) {
            unknown_call = true;
            return -1;
        }
        *(uint64_t *)value |= (uint64_t)1 << number;
        at += length;
        if (!*at)
            return 0;
    }
}

static int read_error(const char *text, void *value, char *why, size_t size)
{
    unsigned long number;
    for (int i = 1; i < 200; i++)
        if (strerrorname_np(i) && !strcmp(strerrorname_np(i), text))
            return *(int *)value = i, 0;
    if (option_number(text, &number) && number > 0 && number < 4096)
        return *(int *)value = (int)number, 0;
    snprintf(why, size, "is no error such as ENOENT, EMFILE or 5");
    return -1;
}

static int read_rate(const char *text, void *value, char *why, size_t size)
{
    if (!strncmp(text, "1/", 2) && option_number(text + 2, value) && *(unsigned long *)value > 0)
        return 0;
    snprintf(why, size, "is not a rate such as 1/100");
    return -1;
}

static const char *const kinds[] = { "file", "dir", "socket", "pipe", "char", "block", "other" };

static int read_fd(const char *text, void *value, char *why, size_t size)
{
    unsigned long number;
    bool known = option_number(text, &number) && strlen(text) < 12;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        known = known || !strcmp(text, kinds[i]);
    if (known)
        strcpy(value, text);
    else
        snprintf(why, size, "is neither a number nor one of file dir socket pipe char block other");
    return known ? 0 : -1;
}

static struct rule draft;
static const struct rule nothing = {
    .nth = NO_NUMBER, .every = NO_NUMBER, .from = NO_NUMBER, .to = NO_NUMBER, .times = NO_NUMBER, .rate = NO_NUMBER,
    .error = NOT_GIVEN, .bytes = NO_NUMBER, .delay = NO_NUMBER,
};
static const struct option words[] = {
    { "call", OPTION_PARSED, &draft.calls, 0, read_calls },
    { "nth", OPTION_NUMBER, &draft.nth, 0, NULL },
    { "every", OPTION_NUMBER, &draft.every, 0, NULL },
    { "from", OPTION_NUMBER, &draft.from, 0, NULL },
    { "to", OPTION_NUMBER, &draft.to, 0, NULL },
    { "rate", OPTION_PARSED, &draft.rate, 0, read_rate },
    { "seed", OPTION_NUMBER, &draft.seed, 0, NULL },
    { "times", OPTION_NUMBER, &draft.times, 0, NULL },
    { "path", OPTION_TEXT, draft.path, sizeof draft.path, NULL },
    { "fd", OPTION_PARSED, draft.fd, 0, read_fd },
    { "in", OPTION_TEXT, draft.in, sizeof draft.in, NULL },
    { "errno", OPTION_PARSED, &draft.error, 0, read_error },
    { "short", OPTION_NUMBER, &draft.bytes, 0, NULL },
    { "delay", OPTION_NUMBER, &draft.delay, 0, NULL },
};

static int refuse(struct graft_error *error, const char *rule, const char *why)
{
    snprintf(error->text, sizeof error->text, "%.100s: %s", rule, why);
    return error->code = -GRAFT_EINVAL;
}

static int tell_calls(struct graft_error *error)
{
    size_t length = (size_t)snprintf(error->text, sizeof error->text, "call=: not a function that is known here; known:");
    for (int i = 0; i < FAULT_COUNT && length < sizeof error->text; i++)
        length += (size_t)snprintf(error->text + length, sizeof error->text - length, " %s", calls[i].name);
    return error->code = -GRAFT_EINVAL;
}

/* short= cuts what has a length; the rest of the calls would silently pass. */
static bool has_length(const struct rule *rule)
{
    const uint64_t sized = 1ull << FAULT_read | 1ull << FAULT_pread | 1ull << FAULT_write | 1ull << FAULT_pwrite |
                           1ull << FAULT_recv | 1ull << FAULT_send | 1ull << FAULT_copy | 1ull << FAULT_getrandom;
    return !(rule->calls & ~sized);
}

static int check(const struct rule *rule, const char *text, struct graft_error *error)
{
    int chosen = (rule->nth != NO_NUMBER) + (rule->every != NO_NUMBER) + (rule->rate != NO_NUMBER);
    if (!rule->calls)
        return refuse(error, text, "which function? call=NAME");
    if (chosen > 1)
        return refuse(error, text, "one of nth, every and rate is enough");
    if (!rule->nth || !rule->every || !rule->from)
        return refuse(error, text, "calls are counted from 1");
    if (rule->bytes != NO_NUMBER && rule->error != NOT_GIVEN)
        return refuse(error, text, "short= succeeds with less: it has no errno");
    if (rule->bytes != NO_NUMBER && !has_length(rule))
        return refuse(error, text, "short= is for read pread write pwrite recv send copy getrandom");
    return 0;
}

static int read_rule(const char *text, struct graft_error *error)
{
    draft = nothing;
    unknown_call = false;
    int code = options_parse(text, words, COUNT_OF(words), error);
    if (code && unknown_call)
        return tell_calls(error);
    if (code)
        return code;
    if (count == RULES)
        return refuse(error, text, "too many rules");
    code = check(&draft, text, error);
    if (code)
        return code;
    snprintf(draft.text, sizeof draft.text, "%s", text);
    for (int i = 0; i < FAULT_COUNT; i++)
        rules_cover[i] |= draft.calls >> i & 1;
    rules[count++] = draft;
    return 0;
}

/* "\;" is a semicolon inside a word. */
static bool next_rule(const char **rest, char *text, size_t size)
{
    size_t length = 0;
    const char *at = *rest;
    for (; *at && *at != ';'; at++) {
        at += at[0] == '\\' && at[1] == ';';
        if (length + 1 == size)
            return false;
        text[length++] = *at;
    }
    text[length] = '\0';
    *rest = *at ? at + 1 : at;
    return true;
}

int rules_parse(const char *arguments, struct graft_error *error)
{
    struct graft_error unused;
    char text[sizeof draft.text];
    error = error ? error : &unused;
    for (const char *rest = arguments; *rest;) {
        if (!next_rule(&rest, text, sizeof text))
            return refuse(error, rest, "is too long");
        int code = *text ? read_rule(text, error) : 0;
        if (code)
            return code;
    }
    return count ? 0 : refuse(error, "fault", "no rule: call=NAME,every=N,errno=NAME,...");
}

/* ---- judging ---------------------------------------------------------------------- */

static const char *kind_of(int fd)
{
    struct stat status;
    if (syscall(SYS_fstat, fd, &status) < 0)
        return "";
    switch (status.st_mode & S_IFMT) {
    case S_IFREG: return kinds[0];
    case S_IFDIR: return kinds[1];
    case S_IFSOCK: return kinds[2];
    case S_IFIFO: return kinds[3];
    case S_IFCHR: return kinds[4];
    case S_IFBLK: return kinds[5];
    default: return kinds[6];
    }
}

static bool fits_fd(const struct rule *rule, int fd)
{
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    return fd >= 0 && (!strcmp(rule->fd, number) || !strcmp(rule->fd, kind_of(fd)));
}

/* A call without a path of its own is about the file that its descriptor is. */
static bool fits_path(const struct rule *rule, const char *path, int fd)
{
    char link[64], target[PATH_MAX];
    if (path)
        return io_glob(rule->path, path);
    if (fd < 0)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    return length > 0 && io_glob(rule->path, target);
}

static bool fits_caller(const struct rule *rule, const void *caller)
{
    struct place place = place_find(caller);
    return place.path && (io_glob(rule->in, place.path) || io_glob(rule->in, place_base(place.path)));
}

static bool fits(const struct rule *rule, const char *path, int fd, const void *caller)
{
    return (!*rule->in || fits_caller(rule, caller)) && (!*rule->fd || fits_fd(rule, fd)) &&
           (!*rule->path || fits_path(rule, path, fd));
}

/* The same seed and number give the same answer, whatever the threads do. */
static bool drawn(unsigned long seed, unsigned long number, unsigned long of)
{
    uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + number * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (x ^ x >> 31) % of == 0;
}

static bool is_due(const struct rule *rule, unsigned long number)
{
    if (rule->from != NO_NUMBER && number < rule->from)
        return false;
    if (rule->to != NO_NUMBER && number > rule->to)
        return false;
    if (rule->nth != NO_NUMBER)
        return number == rule->nth;
    if (rule->every != NO_NUMBER)
        return number % rule->every == 0;
    return rule->rate == NO_NUMBER || drawn(rule->seed, number, rule->rate);
}

static void sleep_for(unsigned long milliseconds)
{
    struct timespec time = { (time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000 };
    while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, &time) && errno == EINTR)
        continue;
}

static int meet(struct rule *rule, enum fault_call call, size_t *size)
{
    bool cuts = rule->bytes != NO_NUMBER;
    if (cuts && (!size || *size <= rule->bytes))
        return 0;
    if (atomic_fetch_add(&rule->met, 1) >= rule->times) {
        atomic_fetch_sub(&rule->met, 1);
        return 0;
    }
    if (rule->delay != NO_NUMBER)
        sleep_for(rule->delay);
    if (cuts)
        *size = rule->bytes;
    if (cuts || (rule->delay != NO_NUMBER && rule->error == NOT_GIVEN))
        return 0;
    return rule->error == NOT_GIVEN ? calls[call].error : rule->error;
}

int rules_judge(enum fault_call call, const char *path, int fd, const void *caller, size_t *size)
{
    int saved = errno, error = 0;
    for (struct rule *rule = rules; rule < rules + count; rule++) {
        if (!(rule->calls >> call & 1) || !fits(rule, path, fd, caller))
            continue;
        unsigned long number = atomic_fetch_add(&rule->matched, 1) + 1;
        if (!error && is_due(rule, number))
            error = meet(rule, call, size);
    }
    errno = saved;
    return error;
}

/* ---- telling ----------------------------------------------------------------------- */

void rules_reset(void)
{
    for (size_t i = 0; i < count; i++)
        rules[i].matched = rules[i].met = 0;
}

static const char *deed(const struct rule *rule)
{
    if (rule->bytes != NO_NUMBER)
        return "cut short";
    return rule->delay != NO_NUMBER && rule->error == NOT_GIVEN ? "delayed" : "failed";
}

static void report_rule(const struct rule *rule, struct report *out)
{
    if (!report_settings.json) {
        report_line(out, "%s: %lu of %lu calls %s", rule->text, rule->met, rule->matched, deed(rule));
        return;
    }
    report_add(out, "{\"rule\":");
    report_json(out, rule->text);
    report_add(out, ",\"calls\":%lu,\"met\":%lu,\"deed\":\"%s\"}", rule->matched, rule->met, deed(rule));
}

void rules_report(struct report *out)
{
    if (report_settings.json) {
        report_json_begin(out);
        report_add(out, "\"rules\":[");
    }
    for (size_t i = 0; i < count; i++) {
        if (report_settings.json && i)
            report_add(out, ",");
        report_rule(&rules[i], out);
    }
    if (report_settings.json)
        report_add(out, "]}\n");
}
