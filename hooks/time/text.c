/* SPDX-License-Identifier: MIT */
/* Durations, dates and rates as people write them. Nothing here asks the clock, the
 * time zone or the locale: libc is not constructed yet when it runs. */
#include "text.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads DIGITS, or no more than @most of them; -1 if there is none. */
static int digits(const char **text, int most, long *value)
{
    const char *at = *text;
    for (*value = 0; is_digit(*at) && at - *text < most; at++)
        *value = *value * 10 + (*at - '0');
    int found = at > *text ? 0 : -1;
    *text = at;
    return found;
}

/* The .5 of 1.5, in billionths; further digits are dropped. */
static int fraction(const char **text, long *billionths)
{
    long unit = 100000000;
    *billionths = 0;
    if (**text != '.')
        return 0;
    if (!is_digit(*++*text))
        return -1;
    for (; is_digit(**text); ++*text, unit /= 10)
        *billionths += (**text - '0') * unit;
    return 0;
}

static moment unit(const char **text)
{
    static const struct { const char name[3]; moment length; } units[] = {
        { "ms", SECOND / 1000 }, { "s", SECOND }, { "m", 60 * SECOND },
        { "h", 3600 * SECOND }, { "d", 86400 * SECOND }, { "w", 7 * 86400 * SECOND },
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strncmp(*text, units[i].name, strlen(units[i].name)) == 0) {
            *text += strlen(units[i].name);
            return units[i].length;
        }
    return **text ? 0 : SECOND;
}

static int sign(const char **text)
{
    if (**text != '-' && **text != '+')
        return 1;
    return *(*text)++ == '-' ? -1 : 1;
}

int text_duration(const char *text, moment *length)
{
    int direction = sign(&text);
    moment sum = 0;
    do {
        long whole, part;
        if (digits(&text, 12, &whole) || fraction(&text, &part))
            return -1;
        moment each = unit(&text);
        if (!each)
            return -1;
        sum += whole * each + part * each / SECOND;
    } while (*text);
    *length = direction * sum;
    return 0;
}

/* Days since 1970-01-01 in the Gregorian calendar, counted in years from March, where
 * the leap day is the last. */
static long days(long year, long month, long day)
{
    year -= month <= 2;
    long of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return 365 * year + year / 4 - year / 100 + year / 400 + of_year - 719468;
}

static int month_length(long year, long month)
{
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 ? 28 + leap : 30 + (month + (month > 7)) % 2;
}

static int number(const char **text, char before, int width, long low, long high, long *value)
{
    if (before && *(*text)++ != before)
        return -1;
    const char *start = *text;
    if (digits(text, width, value) || *text - start != width)
        return -1;
    return *value >= low && *value <= high ? 0 : -1;
}

static int day_of(const char **text, long *seconds)
{
    long year, month, day;
    if (number(text, 0, 4, 1, 9999, &year) || number(text, '-', 2, 1, 12, &month) ||
        number(text, '-', 2, 1, month_length(year, month), &day))
        return -1;
    *seconds = days(year, month, day) * 86400;
    return 0;
}

static int time_of_day(const char **text, long *seconds, long *billionths)
{
    long hour, minute, second = 0;
    if (number(text, 0, 2, 0, 23, &hour) || number(text, ':', 2, 0, 59, &minute))
        return -1;
    if (**text == ':' && (number(text, ':', 2, 0, 59, &second) || fraction(text, billionths)))
        return -1;
    *seconds += hour * 3600 + minute * 60 + second;
    return 0;
}

static int zone(const char **text, long *seconds)
{
    long hour, minute;
    if (**text == 'Z')
        ++*text;
    if (**text != '+' && **text != '-')
        return 0;
    int direction = sign(text);
    if (number(text, 0, 2, 0, 23, &hour) || number(text, ':', 2, 0, 59, &minute))
        return -1;
    *seconds -= direction * (hour * 3600 + minute * 60);
    return 0;
}

static int since_1970(const char *text, moment *when)
{
    long seconds, billionths;
    int direction = sign(&text);
    if (digits(&text, 12, &seconds) || fraction(&text, &billionths) || *text)
        return -1;
    *when = direction * (seconds * SECOND + billionths);
    return 0;
}

int text_date(const char *text, moment *when)
{
    long seconds, billionths = 0;
    if (*text == '@')
        return since_1970(text + 1, when);
    if (day_of(&text, &seconds))
        return -1;
    if (*text == 'T' || *text == ' ') {
        text++;
        if (time_of_day(&text, &seconds, &billionths) || zone(&text, &seconds))
            return -1;
    }
    *when = seconds * SECOND + billionths;
    return *text ? -1 : 0;
}

int text_rate(const char *text, long *rate, long *per)
{
    long billionths, whole;
    if (digits(&text, 7, &whole) || fraction(&text, &billionths))
        return -1;
    *rate = whole * 1000000 + billionths / 1000;
    *per = 1000000;
    if (*text == '/') {
        text++;
        if (billionths || digits(&text, 7, per))
            return -1;
        *rate = whole;
    }
    return *text || *rate <= 0 || *per <= 0 || *rate / *per > 1000000 ? -1 : 0;
}
