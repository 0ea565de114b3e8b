/* SPDX-License-Identifier: MIT */
/* Errors: codes become messages, details travel in the caller's struct.
 * Invariant: the first failure is the one reported, later ones on the way out
 * do not overwrite it. Never allocates: called inside the loader's lock. */

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct { int number; const char *message; } messages[] = {
    { 0, "success" },
#define GRAFT_X(name, number, message) { number, message },
    GRAFT_ERRORS(GRAFT_X)
#undef GRAFT_X
};

const char *graft_strerror(int code)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        if (messages[i].number == -code)
            return messages[i].message;
    return "unknown error";
}

const char *graft_version(void)
{
    return GRAFT_VERSION;
}

void error_clear(struct graft_error *error)
{
    if (!error)
        return;
    error->code = 0;
    error->object[0] = error->symbol[0] = error->text[0] = '\0';
}

static int fill(struct graft_error *error, int code, const char *object, const char *symbol,
                const char *format, va_list arguments)
{
    if (!error || error->code)
        return -code;
    error->code = -code;
    text_copy(error->object, sizeof error->object, object);
    text_copy(error->symbol, sizeof error->symbol, symbol);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    return -code;
}

int error_set(struct graft_error *error, int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = fill(error, code, "", "", format, arguments);
    va_end(arguments);
    return result;
}

int error_about(struct graft_error *error, int code, const char *object, const char *symbol,
                const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = fill(error, code, object, symbol, format, arguments);
    va_end(arguments);
    return result;
}

int error_in(struct graft_error *error, int code, const char *object)
{
    if (error && error->code && !error->object[0])
        text_copy(error->object, sizeof error->object, object);
    return code;
}

int error_of(struct graft_error *error, int code, const char *object)
{
    char text[sizeof error->text];
    size_t length = strlen(object);
    if (error && (strncmp(error->text, object, length) || error->text[length] != ':')) {
        text_copy(text, sizeof text, error->text[0] ? error->text : graft_strerror(error->code));
        snprintf(error->text, sizeof error->text, "%.300s: %.200s", object, text);
    }
    return error_in(error, code, object);
}
