/* SPDX-License-Identifier: MIT */
/* Tells what graft variant did. Invariant: the text and the JSON come from the same
 * values, and what was not checked is said in both. */

#include "cli/variant_report.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/render.h"

static size_t changed_bytes(const struct variant_job *job)
{
    size_t changed = job->made.size - job->size;
    for (size_t i = 0; i < job->size; i++)
        changed += job->made.bytes[i] != job->bytes[i];
    return changed;
}

const char *variant_names_text(const struct variant_names *names, char text[VARIANT_NAMES_TEXT])
{
    struct text_buffer buffer = { .data = text, .size = VARIANT_NAMES_TEXT };
    size_t shown = names->count < VARIANT_NAMES_MAX ? names->count : VARIANT_NAMES_MAX;
    text[0] = '\0';
    for (size_t i = 0; i < shown; i++)
        text_append(&buffer, "%s%s", i ? ", " : "", names->name[i]);
    if (shown < names->count)
        text_append(&buffer, " and %zu more", names->count - shown);
    return text;
}

static void note(json_t *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(json_t *notes, const char *format, ...)
{
    char text[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(notes, render_text(text));
}

static json_t *all_notes(const struct variant_job *job)
{
    const struct variant *v = &job->variant;
    json_t *notes = json_array();
    char names[VARIANT_NAMES_TEXT];
    if (v->brings)
        note(notes, "%s, which is still needed, needs %s and so brings it: make a variant of it too, or --drop it",
             v->brings, v->brought);
    if (v->tls_names.count)
        note(notes, "thread-local, so that the host must export it: %s", variant_names_text(&v->tls_names, names));
    if (v->other_version.count && !job->onto)
        note(notes, "without a version these mean another definition (--any-version): %s",
             variant_names_text(&v->other_version, names));
    if (v->absent.count)
        note(notes, "%s does not define: %s", job->onto, variant_names_text(&v->absent, names));
    if (!job->checked)
        note(notes, "not checked by opening it: %s", job->unchecked);
    return notes;
}

static json_t *libraries_json(const struct variant_job *job)
{
    json_t *all = json_array();
    for (size_t i = 0; i < job->variant.count; i++) {
        const struct variant_library *l = &job->variant.library[i];
        const char *path = l->object == WORLD_NONE ? NULL : world_object(&job->world, l->object)->path;
        json_array_append_new(all, json_pack("{s:o, s:o, s:s?, s:s}", "name", render_text(l->name), "path",
                                             render_text(path), "runtime", l->runtime.tag, "version",
                                             l->runtime.version));
    }
    return all;
}

static const char *naming_word(enum variant_naming naming)
{
    static const char *const words[] = {
#define GRAFT_X(name, word) [VARIANT_NAME_##name] = word,
        VARIANT_NAMINGS(GRAFT_X)
#undef GRAFT_X
    };
    return words[naming];
}

static void print_json(const struct variant_job *job, json_t *notes)
{
    const struct variant *v = &job->variant;
    json_t *onto = job->onto ? json_pack("{s:o, s:s}", "name", render_text(job->onto), "string",
                                         naming_word(job->made.naming)) : json_null();
    render_json(json_pack("{s:i, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:b, s:O}",
                          "format", 1, "file", render_text(job->input), "output", render_text(job->output),
                          "dropped", libraries_json(job), "onto", onto,
                          "versions", "needs", (json_int_t)job->made.versions, "symbols",
                          (json_int_t)job->made.symbols,
                          "names", "functions", (json_int_t)v->functions, "data", (json_int_t)v->data, "tls",
                          (json_int_t)v->tls, "at_once", (json_int_t)v->at_once,
                          "size", (json_int_t)job->made.size, "changed", (json_int_t)changed_bytes(job),
                          "opened", (int)job->checked, "notes", notes));
}

static void print_libraries(const struct variant_job *job)
{
    const struct variant *v = &job->variant;
    for (size_t i = 0; i < v->count; i++) {
        const struct variant_library *l = &v->library[i];
        printf("%s%s", i == 0 ? " " : i + 1 < v->count ? ", " : " and ", l->name);
        if (l->runtime.tag)
            printf(" (%s%s%s)", l->runtime.tag, *l->runtime.version ? " " : "", l->runtime.version);
    }
}

static void print_versions(const struct variant_job *job)
{
    size_t versions = job->made.versions;
    if (!versions)
        return;
    if (job->onto)
        printf(" The %zu version%s needed of it %s needed of %s.", versions, plural(versions),
               versions == 1 ? "is" : "are", job->onto);
    else
        printf(" %zu version%s %s no longer needed; %zu symbol%s asked for them.", versions, plural(versions),
               versions == 1 ? "is" : "are", job->made.symbols, plural(job->made.symbols));
}

/* One paragraph: what a person wants to know before shipping it. */
static void print_text(const struct variant_job *job, const json_t *notes)
{
    const struct variant *v = &job->variant;
    size_t names = v->functions + v->data + v->tls;
    printf("%s no longer needs", job->output);
    print_libraries(job);
    if (job->onto)
        printf(" but %s (name %s)", job->onto, naming_word(job->made.naming));
    printf(".");
    print_versions(job);
    if (names)
        printf(" %zu name%s (%zu function%s, %zu data, %zu thread-local) now come%s from %s, %zu of them already "
               "when it is opened.", names, plural(names), v->functions, plural(v->functions), v->data, v->tls,
               names == 1 ? "s" : "", job->onto ? job->onto : "its host", v->at_once);
    printf(" %zu bytes, %s; %zu differ.", job->made.size,
           job->made.size == job->size ? "as before" : "more than before", changed_bytes(job));
    puts(job->checked ? " It was opened for a check." : "");
    for (size_t i = 0; i < json_array_size(notes); i++)
        printf("note: %s\n", json_string_value(json_array_get(notes, i)));
}

void variant_report(const struct variant_job *job)
{
    json_t *notes = all_notes(job);
    if (job->json)
        print_json(job, notes);
    else
        print_text(job, notes);
    json_decref(notes);
}
