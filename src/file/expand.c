/* SPDX-License-Identifier: MIT */
/* Tokens of search paths, as glibc's _dl_dst_substitute reads them. Invariant: the
 * result is ended and inside its buffer, whatever the path holds; links in the object's
 * path are not followed. The rules for set-user-ID programs are left out. */

#include "file/expand.h"

#include <string.h>
#include <unistd.h>

struct output {
    char *to;
    size_t length;
};

static bool append(struct output *out, const char *text, size_t length)
{
    if (length >= PATH_MAX - out->length)
        return false;
    memcpy(out->to + out->length, text, length);
    out->length += length;
    out->to[out->length] = '\0';
    return true;
}

static bool is_name(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* The length of token @name at @p, just behind a dollar sign; 0: another word. */
static size_t token(const char *p, size_t room, const char *name)
{
    size_t length = strlen(name);
    bool brace = room && *p == '{';
    if (room < length + (brace ? 2 : 0) || memcmp(p + brace, name, length))
        return 0;
    if (brace)
        return p[1 + length] == '}' ? length + 2 : 0;
    return room > length && is_name(p[length]) ? 0 : length;
}

/* The folder of the object, from the current one if its path is relative. */
static bool append_origin(struct output *out, const char *object)
{
    char here[PATH_MAX];
    const char *slash = strrchr(object, '/');
    if (*object != '/') {
        if (!getcwd(here, sizeof here) || !append(out, here, strlen(here)))
            return false;
        return !slash || (append(out, "/", 1) && append(out, object, (size_t)(slash - object)));
    }
    return append(out, object, slash > object ? (size_t)(slash - object) : 1);
}

static bool append_known(struct output *out, const char *text)
{
    return text && append(out, text, strlen(text));
}

/* Replaces what stands at @p behind a dollar sign; *skip: its length. */
static bool substitute(struct output *out, const struct expand *expand, const char *p, size_t room, size_t *skip)
{
    if ((*skip = token(p, room, "ORIGIN")))
        return append_origin(out, expand->object);
    if ((*skip = token(p, room, "PLATFORM")))
        return append_known(out, expand->platform);
    if ((*skip = token(p, room, "LIB")))
        return append_known(out, expand->lib);
    return append(out, "$", 1);
}

bool expand_tokens(const struct expand *expand, const char *from, size_t length, char to[PATH_MAX])
{
    struct output out = { .to = to };
    to[0] = '\0';
    for (size_t i = 0; i < length;) {
        const char *dollar = memchr(from + i, '$', length - i);
        size_t plain = dollar ? (size_t)(dollar - from) - i : length - i, skip;
        if (!append(&out, from + i, plain))
            return false;
        i += plain;
        if (!dollar)
            return true;
        if (!substitute(&out, expand, dollar + 1, length - i - 1, &skip))
            return false;
        i += 1 + skip;
    }
    return true;
}
