/* SPDX-License-Identifier: MIT */
/* Tables for a terminal. Invariant: colour only on a terminal and without NO_COLOR. */

#include "cli/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

bool columns_coloured(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && !(no && *no);
}

struct libscols_table *columns_new(const struct column *columns, size_t count)
{
    struct libscols_table *table;
    scols_init_debug(0);
    table = scols_new_table();
    if (!table) {
        fputs("graft: out of memory\n", stderr);
        exit(4);
    }
    scols_table_enable_colors(table, columns_coloured());
    for (size_t i = 0; i < count; i++)
        scols_table_new_column(table, columns[i].name, columns[i].width, columns[i].flags);
    return table;
}

void columns_cell(struct libscols_line *line, size_t column, const char *text, const char *colour)
{
    scols_line_set_data(line, column, text && *text ? text : "-");
    if (colour)
        scols_cell_set_color(scols_line_get_cell(line, column), colour);
}

void columns_print(struct libscols_table *table)
{
    scols_print_table(table);
    scols_unref_table(table);
}

const char *json_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

const char *json_base(const json_t *object, const char *key)
{
    return text_basename(json_text(object, key));
}

/* Measures, then writes. */
json_t *json_written(void (*write)(const void *what, struct text_buffer *), const void *what)
{
    struct text_buffer out = { NULL, 0, 0 };
    write(what, &out);
    size_t size = out.length + 1;
    char *text = malloc(size);
    out = (struct text_buffer){ text, text ? size : 0, 0 };
    write(what, &out);
    json_t *json = text ? json_loadb(text, out.length, 0, NULL) : NULL;
    free(text);
    return json;
}
