/* SPDX-License-Identifier: MIT */
/* Tables, JSON and colour. Invariant: what a person sees and what --json says
 * come from the same values; colour only on a terminal and without NO_COLOR. */

#include "cli/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/columns.h"
#include "plan/plan.h"

static const char *const states[] = { "unknown", "stateless", "uninitialised", "initialised" };

/* ---- objects ------------------------------------------------------------ */

static void build_id_text(const struct graft_object *object, char text[65])
{
    text[0] = '\0';
    for (size_t i = 0; i < object->build_id_size && i < 32; i++)
        sprintf(text + 2 * i, "%02x", object->build_id[i]);
}

static json_t *runtime_json(const struct graft_runtime *runtime)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "tag", runtime->tag, "version", runtime->version,
                     "state", states[runtime->state], "duplicate", (int)runtime->duplicate);
}

static json_t *address_json(uint64_t address)
{
    return json_sprintf("0x%" PRIx64, address);
}

/* A name may be any bytes, JSON is UTF-8: what is not becomes question marks. */
json_t *render_text(const char *text)
{
    json_t *json = text ? json_string(text) : json_null();
    if (json)
        return json;
    char *copy = strdup(text);
    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    json = json_string(copy ? copy : "");
    free(copy);
    return json;
}

static json_t *object_json(const struct graft_object *object)
{
    char build_id[65];
    json_t *runtimes = json_array();
    build_id_text(object, build_id);
    for (size_t i = 0; i < object->runtime_count; i++)
        json_array_append_new(runtimes, runtime_json(&object->runtime[i]));
    return json_pack("{s:i, s:o, s:o, s:s, s:o, s:o, s:o, s:b, s:b, s:o}",
                     "namespace", (int)object->space, "path", render_text(object->path),
                     "soname", render_text(object->soname),
                     "build_id", build_id, "start", address_json(object->start),
                     "end", address_json(object->end), "bias", address_json(object->bias),
                     "main", (int)object->is_main, "vdso", (int)object->is_vdso, "runtimes", runtimes);
}

void render_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
    putchar('\n');
    json_decref(value);
}

/* "python 3.11.2, initialised" and "duplicate" where that is so. */
static bool runtimes_text(const struct graft_object *object, char *text, size_t size)
{
    bool duplicate = false;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < object->runtime_count && used < size; i++) {
        const struct graft_runtime *r = &object->runtime[i];
        used += (size_t)snprintf(text + used, size - used, "%s%s%s%s, %s%s", i ? "; " : "", r->tag,
                                 *r->version ? " " : "", r->version, states[r->state],
                                 r->duplicate ? ", DUPLICATE" : "");
        duplicate |= r->duplicate;
    }
    return duplicate;
}

/* The path, and the SONAME where the path does not tell it. */
static void object_text(const struct graft_object *object, char *text, size_t size)
{
    if (object->soname && strcmp(object->soname, text_basename(object->path)))
        snprintf(text, size, "%s (%s)", object->path, object->soname);
    else
        snprintf(text, size, "%s", object->path);
}

static void objects_table(const struct graft_objects *objects)
{
    static const struct column columns[] = {
        { "NS", 2, SCOLS_FL_RIGHT }, { "ADDRESS", 14, SCOLS_FL_RIGHT }, { "SIZE", 6, SCOLS_FL_RIGHT },
        { "BUILD-ID", 12, 0 }, { "RUNTIME", 10, 0 }, { "OBJECT", 20, 0 },
    };
    struct libscols_table *table = columns_new(columns, sizeof columns / sizeof *columns);
    size_t duplicates = 0;
    for (size_t i = 0; i < graft_objects_count(objects); i++) {
        const struct graft_object *o = graft_objects_get(objects, i);
        struct libscols_line *line = scols_table_new_line(table, NULL);
        char text[4700], build_id[65];
        snprintf(text, sizeof text, "%u", o->space);
        columns_cell(line, 0, text, NULL);
        snprintf(text, sizeof text, "%" PRIxPTR, o->start);
        columns_cell(line, 1, text, NULL);
        snprintf(text, sizeof text, "%" PRIuPTR "K", (o->end - o->start + 1023) / 1024);
        columns_cell(line, 2, text, NULL);
        build_id_text(o, build_id);
        build_id[12] = '\0';
        columns_cell(line, 3, build_id, NULL);
        bool duplicate = runtimes_text(o, text, sizeof text);
        columns_cell(line, 4, text, duplicate ? "red" : *text ? "green" : NULL);
        object_text(o, text, sizeof text);
        columns_cell(line, 5, text, NULL);
        duplicates += duplicate;
    }
    columns_print(table);
    printf("%zu objects", graft_objects_count(objects));
    if (duplicates)
        printf(", %zu of them a duplicate of a runtime that another object is", duplicates);
    putchar('\n');
}

void render_objects(const struct graft_objects *objects, const char *target, bool json)
{
    if (!json) {
        objects_table(objects);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < graft_objects_count(objects); i++)
        json_array_append_new(list, object_json(graft_objects_get(objects, i)));
    render_json(json_pack("{s:i, s:o, s:o}", "format", 1, "target", render_text(target), "objects", list));
}

/* ---- plans -------------------------------------------------------------- */

static void write_plan(const void *plan, struct text_buffer *out)
{
    plan_write_json(plan, out);
}

json_t *render_plan_json(const struct graft_plan *plan)
{
    return json_written(write_plan, plan);
}

static enum graft_verdict verdict_of(const char *name)
{
    for (unsigned v = 0; v < GRAFT_VERDICT_COUNT; v++)
        if (!strcmp(graft_verdict_name((enum graft_verdict)v), name))
            return (enum graft_verdict)v;
    return GRAFT_VERDICT_RELOC;
}

static void slot_line(struct libscols_table *table, const json_t *slot)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    enum graft_verdict verdict = verdict_of(json_text(slot, "verdict"));
    char symbol[600], from[600], to[600];
    const char *version = json_text(slot, "version");
    snprintf(symbol, sizeof symbol, "%s%s%s", json_text(slot, "symbol"), *version ? "@" : "", version);
    snprintf(from, sizeof from, "%s %s", json_text(slot, "old"), json_base(slot, "old_object"));
    if (verdict_edits(verdict))
        snprintf(to, sizeof to, "%s %s", json_text(slot, "new"), json_base(slot, "new_object"));
    else
        snprintf(to, sizeof to, "%s", graft_verdict_text(verdict));
    columns_cell(line, 0, json_text(slot, "verdict"),
         verdict_edits(verdict) ? "green" : verdict_refuses(verdict) ? "red" : "yellow");
    columns_cell(line, 1, json_text(slot, "kind"), NULL);
    columns_cell(line, 2, json_text(slot, "slot"), NULL);
    columns_cell(line, 3, symbol, NULL);
    columns_cell(line, 4, from, NULL);
    columns_cell(line, 5, to, NULL);
}

/* One table per object that has slots in the plan. */
static void member_table(const json_t *slots, size_t member, const char *path)
{
    static const struct column columns[] = {
        { "VERDICT", 8, 0 }, { "KIND", 9, 0 }, { "SLOT", 14, SCOLS_FL_RIGHT }, { "SYMBOL", 20, 0 },
        { "HOLDS", 20, 0 }, { "WILL HOLD, OR WHY NOT", 20, 0 },
    };
    struct libscols_table *table = NULL;
    size_t count = 0, i;
    json_t *slot;
    json_array_foreach(slots, i, slot) {
        if ((size_t)json_integer_value(json_object_get(slot, "member")) != member)
            continue;
        if (!table)
            table = columns_new(columns, sizeof columns / sizeof *columns);
        slot_line(table, slot);
        count++;
    }
    if (!table)
        return;
    printf("%s: %zu slot%s\n", path, count, plural(count));
    columns_print(table);
    putchar('\n');
}

static void totals(const json_t *plan)
{
    size_t count[GRAFT_VERDICT_COUNT] = { 0 }, i;
    const json_t *slots = json_object_get(plan, "slots");
    json_t *slot;
    json_array_foreach(slots, i, slot)
        count[verdict_of(json_text(slot, "verdict"))]++;
    size_t edits = (size_t)json_integer_value(json_object_get(plan, "edits"));
    printf("total: %lld relocations looked at, %zu slot%s to edit",
           (long long)json_integer_value(json_object_get(plan, "relocations")), edits, plural(edits));
    for (unsigned v = 0; v < GRAFT_VERDICT_COUNT; v++)
        if (count[v] && !verdict_edits((enum graft_verdict)v))
            printf(", %zu %s", count[v], graft_verdict_name((enum graft_verdict)v));
    putchar('\n');
    if (json_integer_value(json_object_get(plan, "refusals")))
        puts(json_is_true(json_object_get(plan, "partial"))
             ? "The slots that cannot be edited stay as they are: partial was asked for."
             : "This plan would be refused: some slots cannot be edited. --partial edits the others.");
}

static void plan_table(const json_t *plan)
{
    const json_t *members = json_object_get(plan, "members");
    json_t *member;
    size_t i;
    json_array_foreach(members, i, member)
        member_table(json_object_get(plan, "slots"), i, json_text(member, "path"));
    totals(plan);
}

void render_plans(json_t *plans, bool json)
{
    json_t *entry;
    size_t i;
    if (json) {
        render_json(json_pack("{s:i, s:O}", "format", 1, "plans", plans));
        return;
    }
    json_array_foreach(plans, i, entry) {
        const char *rule = json_text(entry, "rule");
        if (json_object_get(entry, "load")) {
            render_decision(entry);
            continue;
        }
        if (*rule)
            printf("%s%s\n\n", i ? "\n" : "", rule);
        if (json_object_get(entry, "plan"))
            plan_table(json_object_get(entry, "plan"));
        else
            printf("%s\n", json_text(entry, "error"));
    }
}

/* ---- hook libraries -------------------------------------------------------- */

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

void render_hook_libraries(json_t *libraries, bool json)
{
    size_t i, width = 0;
    json_t *library;
    if (json) {
        render_json(json_pack("{s:i, s:o}", "format", 1, "libraries", libraries));
        return;
    }
    json_array_foreach(libraries, i, library)
        width = strlen(member(library, "name")) > width ? strlen(member(library, "name")) : width;
    json_array_foreach(libraries, i, library) {
        const char *name = member(library, "name"), *arguments = member(library, "arguments");
        printf("%s%-*s%s  %s\n", columns_coloured() ? "\033[1m" : "", (int)width, name, columns_coloured() ? "\033[0m" : "",
               member(library, "help"));
        printf("%*s  %s%s%s\n", (int)width, "", name, *arguments ? ":" : "", arguments);
        printf("%*s  %s\n", (int)width, "", member(library, "path"));
    }
    if (!i)
        puts("no hook libraries were found");
    json_decref(libraries);
}
