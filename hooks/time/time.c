/* SPDX-License-Identifier: MIT */
/* The hook library `time`: the program lives at another time, or in a frozen moment.
 * It knows its arguments and the list of hooks; what is shown is clock.c's business.
 * Invariant: the rule is complete before the first hook is in, and never changes. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "common/hook.h"
#include "common/options.h"
#include "common/report.h"
#include "shift.h"
#include "text.h"

static struct clock_rule rule = { .kind = CLOCK_OFFSET, .rate = 1, .per = 1 };
static int words;                   /* of offset, start and freeze */

static int wrong(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return -1;
}

static int one_kind(int kind, char *why, size_t size)
{
    rule.kind = kind;
    return ++words > 1 ? wrong(why, size, "one of offset, start and freeze is enough") : 0;
}

static int read_offset(const char *text, void *value, char *why, size_t size)
{
    if (text_duration(text, value))
        return wrong(why, size, "is not a duration such as +1d, -3600 or 1h30m");
    return one_kind(CLOCK_OFFSET, why, size);
}

static int read_date(int kind, const char *text, void *value, char *why, size_t size)
{
    if (text_date(text, value))
        return wrong(why, size, "is not a date such as 2001-01-01T00:00:00Z or @978307200");
    return one_kind(kind, why, size);
}

static int read_start(const char *text, void *value, char *why, size_t size)
{
    return read_date(CLOCK_START, text, value, why, size);
}

static int read_freeze(const char *text, void *value, char *why, size_t size)
{
    rule.here = !strcmp(text, "now");
    return rule.here ? one_kind(CLOCK_FREEZE, why, size) : read_date(CLOCK_FREEZE, text, value, why, size);
}

static int read_rate(const char *text, void *value, char *why, size_t size)
{
    (void)value;
    return text_rate(text, &rule.rate, &rule.per) ? wrong(why, size, "is not a rate such as 2, 0.5 or 1/10") : 0;
}

/* Before the hooks are in, and before libc's own constructor. */
static int machine_clock(clockid_t id, struct timespec *time)
{
    return (int)syscall(SYS_clock_gettime, id, time);
}

static int read_clock(clockid_t id, struct timespec *time)
{
    return next_clock_gettime ? next_clock_gettime(id, time) : machine_clock(id, time);
}

static int refuse(struct graft_error *error, const char *text)
{
    if (error) {
        error->code = -GRAFT_EINVAL;
        snprintf(error->text, sizeof error->text, "%s", text);
    }
    return -GRAFT_EINVAL;
}

static int start(const char *arguments, char **environment, struct graft_error *error)
{
    static const struct option options[] = {
        { "offset", OPTION_PARSED, &rule.value, 0, read_offset },
        { "start", OPTION_PARSED, &rule.value, 0, read_start },
        { "freeze", OPTION_PARSED, &rule.value, 0, read_freeze },
        { "rate", OPTION_PARSED, NULL, 0, read_rate },
        { "monotonic", OPTION_FLAG, &rule.monotonic, 0, NULL },
    };
    (void)environment;
    int code = options_parse(arguments, options, COUNT_OF(options), error);
    if (code)
        return code;
    if (rule.monotonic && rule.kind == CLOCK_OFFSET && rule.value < 0)
        return refuse(error, "monotonic: a clock that counts from boot cannot be set back; leave out the offset");
    if (*report_settings.file || report_settings.json)
        return refuse(error, "file= and json: the clock has nothing to report");
    clock_begin(&rule, read_clock);
    deadlines_begin();
    return 0;
}

#define ROW(name) HOOK_IF_ANY(#name, our_##name, next_##name),
static const struct graft_hook hooks[] = { SHIFT_READERS(ROW) SHIFT_DEADLINES(ROW) };

GRAFT_API const struct graft_hook_library graft_hook_library = {
    .size = sizeof(struct graft_hook_library),
    .name = "time",
    .help = "the program lives at another time: shifted, frozen, faster or slower",
    .arguments = "offset=DURATION | start=DATE | freeze=DATE|now, rate=N, monotonic",
    .hooks = hooks,
    .count = COUNT_OF(hooks),
    .start = start,
};
