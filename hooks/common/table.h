/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_TABLE_H
#define HOOKS_COMMON_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counters by address or by text, without locks and without malloc. Entries are
 * never moved and never removed, so a value's address stays good. Any thread, a
 * signal handler in the middle of another call, a fork's child. */

enum { TABLE_SEGMENTS = 24 };

struct table {
    size_t value_size;              /* bytes of a value; it starts as zeros */
    bool by_text;
    _Atomic(char *) segments[TABLE_SEGMENTS];
    _Atomic(struct table_text_page *) texts;
};

#define TABLE_BY_ADDRESS(type) { .value_size = sizeof(type) }
#define TABLE_BY_TEXT(type) { .value_size = sizeof(type), .by_text = true }

/* The value of @key, made if it is new: count with atomic additions. *@is_new (NULL
 * is fine) tells one caller only. NULL: no memory, or a key of 0. */
void *table_at(struct table *, uintptr_t key, bool *is_new);
void *table_at_text(struct table *, const char *text, bool *is_new);

/* The table's own copy of the text that @value is kept by; it lives on. */
const char *table_text(const void *value);

/* The value of @key, or NULL. */
void *table_find(struct table *, uintptr_t key);

/* Calls @each for every entry, in no order, until it returns other than 0; returns
 * that. Of a table by text, @key is a const char *. */
int table_each(struct table *, int (*each)(uintptr_t key, void *value, void *arg), void *arg);

/* Zeroes all values and keeps the keys: for a fork's child, which has one thread. */
void table_zero(struct table *);

#endif
