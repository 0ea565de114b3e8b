/* SPDX-License-Identifier: MIT */
/* Decisions on loads, as tables or as JSON. Invariant: both come from the decision's own
 * JSON, whichever process wrote it. */

#include "cli/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/columns.h"
#include "plan/load.h"

static void write_decision(const void *plan, struct text_buffer *out)
{
    load_plan_write_json(plan, out);
}

json_t *render_decision_json(const struct graft_load_plan *plan)
{
    return json_written(write_decision, plan);
}

static void decision_objects(const json_t *objects)
{
    static const struct column columns[] = {
        { "OBJECT", 20, 0 }, { "IS", 10, 0 }, { "RUNTIME", 10, 0 }, { "MAPPED", 6, 0 }, { "FILE", 20, 0 },
    };
    struct libscols_table *table = columns_new(columns, sizeof columns / sizeof *columns);
    json_t *o;
    size_t i;
    json_array_foreach(objects, i, o) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        const char *fate = json_text(o, "fate");
        char runtime[120];
        bool opened = json_is_true(json_object_get(o, "opened")), apart = !strcmp(fate, "duplicate") || !strcmp(fate, "beside");
        snprintf(runtime, sizeof runtime, "%s %s", json_text(o, "runtime"), json_text(o, "version"));
        columns_cell(line, 0, text_basename(json_text(o, "name")), NULL);
        columns_cell(line, 1, fate, apart ? "yellow" : !strcmp(fate, "absent") || !strcmp(fate, "unreadable") ? "red" : NULL);
        columns_cell(line, 2, *json_text(o, "runtime") ? runtime : "", NULL);
        columns_cell(line, 3, opened ? "yes" : "no", apart && !opened ? "green" : NULL);
        columns_cell(line, 4, json_text(o, "path"), NULL);
    }
    columns_print(table);
}

static void decision_symbols(const json_t *symbols)
{
    static const struct column columns[] = {
        { "BINDING", 8, 0 }, { "SYMBOL", 20, 0 }, { "ADDRESS", 14, SCOLS_FL_RIGHT }, { "FROM", 7, 0 },
        { "WITHOUT GRAFT, OR WHY NOT", 20, 0 },
    };
    struct libscols_table *table = columns_new(columns, sizeof columns / sizeof *columns);
    json_t *s;
    size_t i;
    json_array_foreach(symbols, i, s) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        const char *binding = json_text(s, "binding"), *version = json_text(s, "version"), *reason = json_text(s, "reason");
        char symbol[700];
        bool bound = !strcmp(binding, "bound");
        snprintf(symbol, sizeof symbol, "%s%s%s", json_text(s, "symbol"), *version ? "@" : "", version);
        columns_cell(line, 0, binding, bound ? "green" : "red");
        columns_cell(line, 1, symbol, NULL);
        columns_cell(line, 2, strcmp(json_text(s, "address"), "0x0") ? json_text(s, "address") : "", NULL);
        columns_cell(line, 3, bound ? json_text(s, "source") : "", NULL);
        columns_cell(line, 4, bound ? json_base(s, "without") : reason, NULL);
    }
    columns_print(table);
}

void render_decision(const json_t *entry)
{
    const json_t *decision = json_object_get(entry, "decision");
    const json_t *symbols = json_object_get(decision, "symbols");
    if (decision) {
        printf("%s: %s: %s\n\n", json_text(entry, "load"), json_text(decision, "way"), json_text(decision, "reason"));
        decision_objects(json_object_get(decision, "objects"));
        if (json_array_size(symbols)) {
            putchar('\n');
            decision_symbols(symbols);
        }
    }
    if (*json_text(entry, "error"))
        printf("%s%s: %s\n", decision ? "\n" : "", json_text(entry, "load"), json_text(entry, "error"));
}

void render_decisions(json_t *decisions, bool json)
{
    json_t *entry;
    size_t i;
    if (json) {
        render_json(json_pack("{s:i, s:o}", "format", 1, "loads", decisions));
        return;
    }
    json_array_foreach(decisions, i, entry) {
        if (i)
            putchar('\n');
        render_decision(entry);
    }
    json_decref(decisions);
}
