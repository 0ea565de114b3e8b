/* SPDX-License-Identifier: MIT */
/* Bounded strings. Invariant: every result is ended and inside its buffer;
 * nothing here allocates or looks at the locale. */

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_copy(char *to, size_t size, const char *from)
{
    if (size == 0)
        return;
    size_t length = from ? strnlen(from, size - 1) : 0;
    if (length)
        memcpy(to, from, length);
    to[length] = '\0';
}

void text_hex(char *to, const unsigned char *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = 0;
}

static int digit_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_unhex(unsigned char *to, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++, text += 2) {
        int high = digit_value(text[0]), low = high < 0 ? -1 : digit_value(text[1]);
        if (low < 0)
            return false;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return !*text;
}

const char *text_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Matches one character against the set after `[`; *end is past its `]`, or NULL
 * if the set is not closed. */
static bool set_holds(const char *set, unsigned char c, const char **end)
{
    bool inverse = *set == '!' || *set == '^', found = false;
    const char *p = set + inverse;
    do {
        if (!*p) {
            *end = NULL;
            return false;
        }
        if (p[1] == '-' && p[2] && p[2] != ']') {
            found |= (unsigned char)p[0] <= c && c <= (unsigned char)p[2];
            p += 3;
        } else
            found |= (unsigned char)*p++ == c;
    } while (*p != ']');
    *end = p + 1;
    return found != inverse;
}

/* Matches one pattern element that is not `*`; NULL if it does not fit. */
static const char *step(const char *pattern, const char *limit, unsigned char c)
{
    if (*pattern == '?')
        return pattern + 1;
    if (*pattern == '[') {
        const char *end;
        bool in = set_holds(pattern + 1, c, &end);
        if (end && end <= limit)
            return in ? end : NULL;
    }
    return (unsigned char)*pattern == c ? pattern + 1 : NULL;
}

/* Linear in practice and never worse than |pattern| × |text|: only the last star
 * is ever tried again. */
static bool glob_range(const char *pattern, const char *limit, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        const char *next = pattern < limit && *pattern != '*'
                         ? step(pattern, limit, (unsigned char)*text) : NULL;
        if (next) {
            pattern = next;
            text++;
        } else if (pattern < limit && *pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (star) {
            pattern = star;
            text = ++retry;
        } else
            return false;
    }
    while (pattern < limit && *pattern == '*')
        pattern++;
    return pattern == limit;
}

bool text_glob(const char *pattern, const char *text)
{
    return glob_range(pattern, pattern + strlen(pattern), text);
}

const char *text_list_next(const char *list, char *element, size_t size)
{
    size_t length = 0;
    list += strspn(list, " ");
    if (!*list)
        return NULL;
    for (; *list && *list != ','; list++)
        if (length + 1 < size)
            element[length++] = *list;
    element[length] = '\0';
    return *list ? list + 1 : list;
}

bool text_glob_list(const char *list, const char *text)
{
    char pattern[4096];
    while ((list = text_list_next(list, pattern, sizeof pattern)))
        if (text_glob(pattern, text))
            return true;
    return false;
}

void text_append_arguments(struct text_buffer *buffer, const char *format, va_list arguments)
{
    size_t room = buffer->length < buffer->size ? buffer->size - buffer->length : 0;
    int wrote = vsnprintf(room ? buffer->data + buffer->length : NULL, room, format, arguments);
    if (wrote > 0)
        buffer->length += (size_t)wrote;
}

void text_append(struct text_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text_append_arguments(buffer, format, arguments);
    va_end(arguments);
}
