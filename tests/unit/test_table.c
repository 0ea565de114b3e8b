/* SPDX-License-Identifier: MIT */
/* The text of tables of addresses: what is read, and that each error names its line and
 * its word. */

#include "process.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <graft/graft.h>

#include "plan/table.h"

static struct table_entry *entry(const struct table *table, size_t i)
{
    assert_true(i < table->entries.count);
    return arena_list_at(&table->entries, i);
}

static struct table_object *object(const struct table *table, size_t i)
{
    assert_true(i < table->objects.count);
    return arena_list_at(&table->objects, i);
}

static void parse(struct table *table, const char *text)
{
    struct graft_error error = { 0 };
    if (table_parse(table, text, &error))
        fail_msg("%s", error.text);
}

/* The text is refused; the message names @line and @word. */
static void refuse(const char *text, unsigned line, const char *word)
{
    struct graft_error error = { 0 };
    struct table table;
    char place[40], quoted[200];
    assert_int_equal(table_parse(&table, text, &error), -GRAFT_ESYNTAX);
    table_free(&table);
    snprintf(place, sizeof place, "line %u:", line);
    snprintf(quoted, sizeof quoted, "'%s'", word);
    if (error.code != -GRAFT_ESYNTAX || !strstr(error.text, place) || !strstr(error.text, quoted))
        fail_msg("\"%s\": %d \"%s\" instead of %s … %s", text, error.code, error.text, place, quoted);
    assert_int_equal(table_parse(&table, text, NULL), -GRAFT_ESYNTAX);
    table_free(&table);
}

#define ID "build-id lib.so 0aFf\n"

static void objects_and_entries_are_read(void **state)
{
    struct table table;
    (void)state;
    parse(&table, "# a table\n\nbuild-id libplug.so 3f2a90\r\n  build-id\tother 00FF   # of the other\n"
                  "Py_Initialize = libplug.so+0x1b2f0 func 57\n"
                  "datum = other+4096 object 0x20\nplain = other+0\nnosize = other+010 func\nlast = other+1");
    assert_int_equal(table.objects.count, 2);
    assert_string_equal(object(&table, 0)->name, "libplug.so");
    assert_int_equal(object(&table, 0)->build_id_size, 3);
    assert_memory_equal(object(&table, 0)->build_id, "\x3f\x2a\x90", 3);
    assert_int_equal(object(&table, 1)->build_id_size, 2);
    assert_memory_equal(object(&table, 1)->build_id, "\x00\xff", 2);
    assert_int_equal(table.entries.count, 5);
    assert_string_equal(entry(&table, 0)->name, "Py_Initialize");
    assert_int_equal(entry(&table, 0)->object, 0);
    assert_int_equal(entry(&table, 0)->offset, 0x1b2f0);
    assert_int_equal(entry(&table, 0)->size, 57);
    assert_int_equal(entry(&table, 0)->type, STT_FUNC);
    assert_int_equal(entry(&table, 1)->object, 1);
    assert_int_equal(entry(&table, 1)->offset, 4096);
    assert_int_equal(entry(&table, 1)->size, 32);
    assert_int_equal(entry(&table, 1)->type, STT_OBJECT);
    assert_int_equal(entry(&table, 2)->size, 0);
    assert_int_equal(entry(&table, 2)->type, STT_FUNC);
    assert_string_equal(entry(&table, 4)->name, "last");
    table_free(&table);
}

static void nothing_is_a_table(void **state)
{
    static const char *const texts[] = { NULL, "", "\n", "# only a comment", "  \t\r\n\n", "#\n#\n" };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct table table;
        parse(&table, texts[i]);
        assert_int_equal(table.objects.count + table.entries.count, 0);
        table_free(&table);
    }
}

static void names_may_look_like_words_of_the_format(void **state)
{
    struct table table;
    (void)state;
    parse(&table, "build-id lib+x.so ab\nbuild-id = lib+x.so+7\n_ZN2v87Isolate10GetCurrentEv = lib+x.so+8\n");
    assert_int_equal(table.entries.count, 2);
    assert_string_equal(entry(&table, 0)->name, "build-id");
    assert_int_equal(entry(&table, 0)->offset, 7);
    assert_int_equal(entry(&table, 1)->offset, 8);
    table_free(&table);
}

static void each_error_names_line_and_word(void **state)
{
    static const struct { const char *text; unsigned line; const char *word; } wrong[] = {
        { "build-id", 1, "build-id" }, { "build-id lib.so", 1, "build-id" }, { "build-id lib.so aa bb", 1, "build-id" },
        { "build-id lib.so abc", 1, "abc" }, { "build-id lib.so xy", 1, "xy" }, { "\n\nbuild-id lib.so 0x12", 3, "0x12" },
        { "build-id lib.so 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00", 1,
          "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00" },
        { "word", 1, "word" }, { "name =", 1, "name" }, { ID "name lib.so+1", 2, "name" }, { ID "name : lib.so+1", 2, "name" },
        { ID "name = lib.so", 2, "name" }, { "name = lib.so+1", 1, "lib.so" }, { ID "name = lib.so.1+1", 2, "lib.so.1" },
        { ID "name = lib.so+", 2, "" }, { ID "name = lib.so+x", 2, "x" }, { ID "name = lib.so+-1", 2, "-1" },
        { ID "name = lib.so+1g", 2, "1g" }, { ID "name = lib.so+0x10000000000000000", 2, "0x10000000000000000" },
        { ID "name = lib.so+1 data", 2, "data" }, { ID "name = lib.so+1 func x", 2, "x" }, { ID "name = lib.so+1 func -4", 2, "-4" },
        { ID "name = lib.so+1 func 4 more", 2, "name" }, { ID "\n# c\nname = lib.so+1 object 4 5 6 7 8 9", 4, "name" },
        { ID "ok = lib.so+1\nname = gone.so+1\n", 3, "gone.so" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refuse(wrong[i].text, wrong[i].line, wrong[i].word);
}

/* An object named twice: which build-id counts would be a guess. */
static void an_object_has_one_build_id(void **state)
{
    (void)state;
    refuse(ID "build-id lib.so 1122\n", 2, "lib.so");
}

static void a_line_may_be_long_but_not_too_long(void **state)
{
    char *text = calloc(1, 10000);
    struct table table;
    struct graft_error error = { 0 };
    (void)state;
    assert_non_null(text);
    strcpy(text, ID);
    size_t start = strlen(text);
    memset(text + start, 'n', 4000);
    strcpy(text + start + 4000, " = lib.so+1\n");
    parse(&table, text);
    assert_int_equal(strlen(entry(&table, 0)->name), 4000);
    table_free(&table);
    memset(text + start, 'n', 5000);
    strcpy(text + start + 5000, " = lib.so+1\n");
    assert_int_equal(table_parse(&table, text, &error), -GRAFT_ESYNTAX);
    assert_non_null(strstr(error.text, "line 2:"));
    table_free(&table);
    memset(text + start, '#', 8000);                    /* a comment may be of any length */
    strcpy(text + start + 8000, "\nlast = lib.so+1\n");
    parse(&table, text);
    assert_int_equal(table.entries.count, 1);
    table_free(&table);
    free(text);
}

static void many_lines_are_read_in_order(void **state)
{
    enum { LINES = 20000 };
    struct table table;
    char *text = malloc(LINES * 40 + 100), *to = text;
    (void)state;
    assert_non_null(text);
    to += sprintf(to, ID);
    for (int i = 0; i < LINES; i++)
        to += sprintf(to, "name_%d = lib.so+%d\n", i, i);
    parse(&table, text);
    assert_int_equal(table.entries.count, LINES);
    assert_int_equal(entry(&table, LINES - 1)->offset, LINES - 1);
    assert_string_equal(entry(&table, 7)->name, "name_7");
    table_free(&table);
    free(text);
}

static void the_build_id_is_compared_whole(void **state)
{
    struct world_object loaded = { .path = "/lib.so" };
    struct table_object named = { .name = "lib.so", .build_id = { 1, 2, 3 }, .build_id_size = 3 };
    (void)state;
    assert_false(table_is_of(&named, &loaded));         /* it has none */
    memcpy(loaded.image.build_id, "\1\2\3\4", 4);
    loaded.image.build_id_size = 4;
    assert_false(table_is_of(&named, &loaded));
    loaded.image.build_id_size = 3;
    assert_true(table_is_of(&named, &loaded));
    named.build_id[2] = 9;
    assert_false(table_is_of(&named, &loaded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_and_entries_are_read),
        cmocka_unit_test(nothing_is_a_table),
        cmocka_unit_test(names_may_look_like_words_of_the_format),
        cmocka_unit_test(each_error_names_line_and_word),
        cmocka_unit_test(an_object_has_one_build_id),
        cmocka_unit_test(a_line_may_be_long_but_not_too_long),
        cmocka_unit_test(many_lines_are_read_in_order),
        cmocka_unit_test(the_build_id_is_compared_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
