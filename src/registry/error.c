/* SPDX-License-Identifier: MIT */
/* dlerror. Invariant: each thread has its own text, a successful call of the family
 * takes it away as in glibc, and no memory is asked for. */

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "registry/state.h"

static __thread char text[1024];
static __thread bool is_set;

void error_say(const char *object, const char *format, ...)
{
    va_list arguments;
    int length = *object ? snprintf(text, sizeof text, "%s: ", object) : 0;
    if (length < 0 || (size_t)length >= sizeof text)
        length = 0;
    va_start(arguments, format);
    vsnprintf(text + length, sizeof text - (size_t)length, format, arguments);
    va_end(arguments);
    is_set = true;
}

void error_none(void)
{
    is_set = false;
}

EXPORT char *dlerror(void)
{
    if (!is_set)
        return NULL;
    is_set = false;
    return text;
}

const char *registry_program(const struct registry *r)
{
    return r->argv && r->argv[0] ? r->argv[0] : "";
}

void registry_debug(const char *format, ...)
{
    char line[1200];
    va_list arguments;
    int start = snprintf(line, sizeof line, "%10ld:\t", (long)getpid());
    va_start(arguments, format);
    int length = vsnprintf(line + start, sizeof line - (size_t)start - 1, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t size = (size_t)start + (size_t)length;
    if (size > sizeof line - 2)
        size = sizeof line - 2;
    line[size++] = '\n';
    if (write(2, line, size) < 0)
        return;                     /* nobody listens: nothing to be done about it */
}
