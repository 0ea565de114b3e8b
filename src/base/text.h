/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BASE_TEXT_H
#define GRAFT_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Copies @from (NULL counts as "") into @to of @size bytes, cut if need be,
 * always ended. */
void text_copy(char *to, size_t size, const char *from);

/* The part of @path after its last slash. */
const char *text_basename(const char *path);

/* The hexadecimal digits of @count bytes, ended: @to has room for 2 * @count + 1. */
void text_hex(char *to, const unsigned char *bytes, size_t count);

/* The bytes of exactly @count pairs of digits; false: @text is something else. */
bool text_unhex(unsigned char *to, const char *text, size_t count);

/* Whether @text matches the glob @pattern: `*`, `?`, and `[...]` sets; a slash is
 * an ordinary character. libc's fnmatch may call malloc, this one never does. */
bool text_glob(const char *pattern, const char *text);

/* Copies the next element of @list, which has commas between them and perhaps spaces in
 * front; returns what follows it, NULL at the end. */
const char *text_list_next(const char *list, char *element, size_t size);

/* Whether @text matches one of the globs in @list. */
bool text_glob_list(const char *list, const char *text);

/* A growing text in a fixed buffer: what does not fit is counted, not written. */
struct text_buffer {
    char *data;
    size_t size;                    /* of data */
    size_t length;                  /* that the whole text would have */
};

void text_append(struct text_buffer *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void text_append_arguments(struct text_buffer *, const char *format, va_list)
    __attribute__((format(printf, 2, 0)));

#endif
