/* SPDX-License-Identifier: MIT */
/* How events are told, as lines or as JSON. One event is one write. */

#include "event.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "common/hook.h"
#include "common/place.h"
#include "error.h"
#include "handles.h"

struct event_settings event_settings;

static void name_flags(char *text, size_t size, int flags)
{
    static const struct { int flag; const char *name; } names[] = {
        { RTLD_LAZY, "RTLD_LAZY" }, { RTLD_NOW, "RTLD_NOW" }, { RTLD_GLOBAL, "RTLD_GLOBAL" },
        { RTLD_NOLOAD, "RTLD_NOLOAD" }, { RTLD_DEEPBIND, "RTLD_DEEPBIND" }, { RTLD_NODELETE, "RTLD_NODELETE" },
    };
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (flags & names[i].flag)
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? "|" : "", names[i].name);
        flags &= ~names[i].flag;
    }
    if (flags || !length)
        snprintf(text + length, size - length, "%s0x%x", length ? "|" : "", (unsigned)flags);
}

static void add_space(struct report *out, Lmid_t space)
{
    if (space == LM_ID_BASE || space == LM_ID_NEWLM)
        report_add(out, "%s, ", space == LM_ID_BASE ? "LM_ID_BASE" : "LM_ID_NEWLM");
    else
        report_add(out, "%ld, ", (long)space);
}

static void json_place(struct report *out, const char *key, const void *address)
{
    struct place place = place_find(address);
    report_add(out, ",\"%s\":{\"object\":", key);
    report_json(out, place.path);
    report_add(out, ",\"offset\":%zu}", place.offset);
}

/* The engine lends the caller's identity to the hooks of these functions: the object
 * is right, the place in it is not the call's. */
static const char *object_of(const void *caller)
{
    const char *path = place_find(caller).path;
    return path ? path : "?";
}

static void json_begin(struct report *out, const char *function, const void *caller)
{
    report_json_begin(out);
    report_add(out, "\"call\":\"%s\",\"caller\":", function);
    report_json(out, object_of(caller));
}

static void json_text(struct report *out, const char *key, const char *text)
{
    report_add(out, ",\"%s\":", key);
    report_json(out, text);
}

/* ---- dlopen, dlmopen ------------------------------------------------------------- */

void event_begin(struct event *event)
{
    error_forget();
    event->loads = loaded_now();
    event->before = (struct loaded){ NULL, 0, 0 };
    if (event_settings.objects)
        loaded_list(&event->before);
    event->started = report_clock();
}

static void print_opened(struct report *out, const struct event *event, Lmid_t asked_space)
{
    char flags[120];
    name_flags(flags, sizeof flags, event->flags);
    report_prefix(out);
    report_add(out, "%s(", event->function);
    if (event->has_space)
        add_space(out, asked_space);
    report_add(out, event->asked ? "\"%s\"" : "NULL", event->asked);
    report_add(out, ", %s) by %s: ", flags, place_base(object_of(event->caller)));
}

static void print_result(struct report *out, const struct event *event, const char *path, const char *error)
{
    if (!path && !error)
        report_add(out, event->flags & RTLD_NOLOAD ? "not loaded" : "failed");
    else
        report_add(out, "%s%s", path ? "" : "failed: ", path ? path : error);
    if (path && event->space != LM_ID_BASE)
        report_add(out, " in namespace %ld", (long)event->space);
}

static void json_opened(struct report *out, const struct event *event, const char *path, const char *error,
                        unsigned long long took)
{
    char flags[120];
    name_flags(flags, sizeof flags, event->flags);
    json_begin(out, event->function, event->caller);
    json_text(out, "asked", event->asked);
    json_text(out, "flags", flags);
    json_text(out, "path", path);
    json_text(out, "error", error);
    report_add(out, ",\"namespace\":%ld,\"new\":%llu,\"ns\":%llu", (long)event->space,
               loaded_new(&event->loads), took);
    if (event_settings.objects) {
        report_add(out, ",\"objects\":[");
        loaded_add_new(&event->before, out, ",", true);
        report_add(out, "]");
    }
    report_add(out, "}\n");
}

static void tell_opened(const struct event *event, Lmid_t asked_space, const char *path, const char *error,
                        unsigned long long took)
{
    struct report out;
    report_begin(&out);
    if (report_settings.json) {
        json_opened(&out, event, path, error, took);
    } else {
        print_opened(&out, event, asked_space);
        print_result(&out, event, path, error);
        report_add(&out, ", %llu new, %.3f ms", loaded_new(&event->loads), (double)took / 1e6);
        if (event_settings.objects)
            loaded_add_new(&event->before, &out, " +", false);
        report_add(&out, "\n");
    }
    report_send(&out);
}

void event_opened(struct event *event, void *handle)
{
    int saved = errno;
    unsigned long long took = report_clock() - event->started;
    Lmid_t asked_space = event->space;
    const char *path = handle ? handles_opened(handle, &event->space) : NULL;
    const char *error = handle ? NULL : error_look();
    if (!handle || !event_settings.failed)
        tell_opened(event, asked_space, path, error, took);
    loaded_free(&event->before);
    errno = saved;
}

/* ---- dlclose ---------------------------------------------------------------------- */

void event_closed(struct event *event, const char *name, int result)
{
    int saved = errno;
    unsigned long long took = report_clock() - event->started;
    unsigned long long gone = loaded_gone(&event->loads);
    const char *error = result ? error_look() : NULL;
    struct report out;
    report_begin(&out);
    if (report_settings.json) {
        json_begin(&out, event->function, event->caller);
        json_text(&out, "path", name);
        json_text(&out, "error", error);
        report_add(&out, ",\"gone\":%llu,\"ns\":%llu}\n", gone, took);
    } else {
        report_line(&out, "%s(%s) by %s: %s%s, %llu gone, %.3f ms", event->function, name,
                    place_base(object_of(event->caller)), result ? "failed: " : "done", error ? error : "", gone,
                    (double)took / 1e6);
    }
    if (result || !event_settings.failed)
        report_send(&out);
    loaded_free(&event->before);
    errno = saved;
}

/* ---- dlsym, dlvsym ----------------------------------------------------------------- */

static void json_looked_up(struct report *out, const void *caller, const char *in, const char *symbol,
                           const char *version, const void *found)
{
    json_begin(out, version ? "dlvsym" : "dlsym", caller);
    json_text(out, "in", in);
    json_text(out, "symbol", symbol);
    if (version)
        json_text(out, "version", version);
    if (found)
        json_place(out, "found", found);
    else
        report_add(out, ",\"found\":null");
    report_add(out, "}\n");
}

void event_looked_up(const void *caller, void *handle, const char *symbol, const char *version, const void *found)
{
    int saved = errno;
    char in[PATH_MAX], where[PATH_MAX + 20] = "not found";
    struct report out;
    handles_name(in, sizeof in, handle);
    report_begin(&out);
    if (report_settings.json) {
        json_looked_up(&out, caller, in, symbol, version, found);
    } else {
        if (found)
            place_name(where, sizeof where, found);
        report_line(&out, "%s(%s, \"%s%s%s\") by %s: %s", version ? "dlvsym" : "dlsym", in, symbol,
                    version ? "@" : "", version ? version : "", place_base(object_of(caller)), where);
    }
    if (!found || !event_settings.failed)
        report_send(&out);
    errno = saved;
}
