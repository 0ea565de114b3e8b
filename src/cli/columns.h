/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_COLUMNS_H
#define GRAFT_CLI_COLUMNS_H

/* What the renderers share: tables, and texts out of JSON. */

#include <jansson.h>
#include <libsmartcols/libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>

struct column { const char *name; double width; int flags; };

bool columns_coloured(void);
struct libscols_table *columns_new(const struct column *columns, size_t count);

/* Sets one cell, "-" for nothing; @colour may be NULL. */
void columns_cell(struct libscols_line *, size_t column, const char *text, const char *colour);

/* Prints the table and frees it. */
void columns_print(struct libscols_table *);

/* The text of a member, "" if there is none; without its folder. */
const char *json_text(const json_t *object, const char *key);
const char *json_base(const json_t *object, const char *key);

/* What @write makes of @what in a text buffer, as JSON; the caller owns it. */
struct text_buffer;
json_t *json_written(void (*write)(const void *what, struct text_buffer *), const void *what);

#endif
