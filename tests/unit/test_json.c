/* SPDX-License-Identifier: MIT */
/* What plans are written as, read back by a parser that accepts valid UTF-8 only. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"

/* @text through JSON and back: UTF-8 of what a reader gets. The caller frees it. */
static char *through_json(const char *text)
{
    char written[4096];
    struct text_buffer out = { written, sizeof written, 0 };
    json_error_t error;
    text_append_json(&out, text);
    assert_true(out.length < sizeof written);
    assert_int_equal(strlen(written), out.length);
    json_t *value = json_loads(written, JSON_DECODE_ANY, &error);
    if (!value)
        fail_msg("%s: %s", written, error.text);
    char *back = strdup(json_string_value(value));
    json_decref(value);
    return back;
}

static void well_formed_names_pass_unchanged(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "plain", "_ZN4node5StartEiPPc", "quote\"back\\slash/", "tab\tline\nreturn\r\b\f", "\x01\x1f\x7f",
        "caf\xc3\xa9", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xe2\x82\xac", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf0\x9f\x90\x8d", "\xf4\x8f\xbf\xbf", "a\xc3\xa9\"\xe2\x82\xac\\z",
        "%s%n%d",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *back = through_json(names[i]);
        assert_string_equal(back, names[i]);
        free(back);
    }
}

static void well_formed_utf8_is_written_as_it_is(void **state)
{
    (void)state;
    char written[64];
    struct text_buffer out = { written, sizeof written, 0 };
    text_append_json(&out, "\xc3\xa9\xf0\x9f\x90\x8d");
    assert_string_equal(written, "\"\xc3\xa9\xf0\x9f\x90\x8d\"");
}

static void bytes_that_are_not_utf8_become_the_characters_of_their_number(void **state)
{
    (void)state;
    static const struct { const char *name, *back; } cases[] = {
        { "\xff", "\xc3\xbf" },                                     /* never in UTF-8 */
        { "\x80", "\xc2\x80" },                                     /* continues nothing */
        { "a\xc3", "a\xc3\x83" },                                   /* cut off by the end */
        { "\xe2\x82", "\xc3\xa2\xc2\x82" },
        { "\xf0\x9f\x90", "\xc3\xb0\xc2\x9f\xc2\x90" },
        { "\xc0\xaf", "\xc3\x80\xc2\xaf" },                         /* overlong */
        { "\xc1\xbf", "\xc3\x81\xc2\xbf" },
        { "\xe0\x9f\xbf", "\xc3\xa0\xc2\x9f\xc2\xbf" },
        { "\xf0\x8f\xbf\xbf", "\xc3\xb0\xc2\x8f\xc2\xbf\xc2\xbf" },
        { "\xed\xa0\x80", "\xc3\xad\xc2\xa0\xc2\x80" },             /* a surrogate */
        { "\xf4\x90\x80\x80", "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80" }, /* above U+10FFFF */
        { "\xf5\x80\x80\x80", "\xc3\xb5\xc2\x80\xc2\x80\xc2\x80" },
        { "\xc3\xa9\xff\xc3\xa9", "\xc3\xa9\xc3\xbf\xc3\xa9" },     /* between good ones */
        { "\xe2(\xa1", "\xc3\xa2(\xc2\xa1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *back = through_json(cases[i].name);
        assert_string_equal(back, cases[i].back);
        free(back);
    }
}

static void any_two_and_any_random_bytes_give_valid_json(void **state)
{
    (void)state;
    uint32_t seed = 7;
    char name[64];
    for (unsigned pair = 0x0101; pair < 0x10000; pair++) {
        name[0] = (char)(pair >> 8);
        name[1] = (char)pair;
        name[2] = '\0';
        free(through_json(name));
    }
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof name - 1; i++) {
            seed = seed * 1664525 + 1013904223;
            name[i] = (char)((seed >> 16) % 255 + 1);
        }
        name[sizeof name - 1] = '\0';
        free(through_json(name));
    }
}

static void a_name_that_does_not_fit_is_counted(void **state)
{
    (void)state;
    char written[6];
    struct text_buffer out = { written, sizeof written, 0 };
    text_append_json(&out, "\xff\xff\xff");
    assert_int_equal(out.length, 2 + 3 * 6);
    assert_int_equal(strlen(written), 5);
}

static struct graft_plan *plan_of(const char *symbol)
{
    struct graft_plan *plan = plan_new(GRAFT_PARTIAL);
    struct plan_member *member;
    assert_non_null(plan);
    plan->word_size = 8;
    plan->relocations = 42;
    member = arena_list_push(&plan->members);
    *member = (struct plan_member){ .path = "/opt/\"q\"/libx.so", .name = symbol, .start = 0x1000, .end = 0x2000,
                                    .build_id = { 0xde, 0xad }, .build_id_size = 2 };
    for (int i = 0; i < 2; i++)
        assert_int_equal(plan_add(plan, &(struct plan_entry){
            .edit = { .object = "/opt/libx.so", .symbol = symbol, .version = i ? "V\n1" : NULL, .slot = 0x4018,
                      .kind = GRAFT_SLOT_JUMP_SLOT, .old_value = 0xfffffff0, .new_value = 1,
                      .old_object = "liby.so", .verdict = GRAFT_VERDICT_EDIT },
            .member = 0, .target = PLAN_NO_MEMBER }), 0);
    return plan;
}

static void a_plan_is_valid_json_whatever_its_names_hold(void **state)
{
    (void)state;
    static const struct { const char *symbol, *back; } cases[] = {
        { "plain", "plain" }, { "\xe2\x82\xac\"\\\x01", "\xe2\x82\xac\"\\\x01" }, { "\xff\xfe", "\xc3\xbf\xc3\xbe" },
        { "", "" }, { "\n", "\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static char written[16384];
        struct text_buffer out = { written, sizeof written, 0 };
        json_error_t error;
        struct graft_plan *plan = plan_of(cases[i].symbol);
        plan_write_json(plan, &out);
        plan_free(plan);
        json_t *root = json_loads(written, JSON_REJECT_DUPLICATES, &error);
        if (!root)
            fail_msg("%s\n%s", error.text, written);
        assert_int_equal(json_integer_value(json_object_get(root, "relocations")), 42);
        assert_int_equal(json_integer_value(json_object_get(root, "edits")), 2);
        assert_true(json_is_true(json_object_get(root, "partial")));
        json_t *slot = json_array_get(json_object_get(root, "slots"), 1);
        assert_string_equal(json_string_value(json_object_get(slot, "symbol")), cases[i].back);
        assert_string_equal(json_string_value(json_object_get(slot, "version")), "V\n1");
        assert_string_equal(json_string_value(json_object_get(slot, "old")), "0xfffffff0");
        assert_string_equal(json_string_value(json_object_get(slot, "slot")), "0x4018");
        assert_string_equal(json_string_value(json_object_get(slot, "kind")), "JUMP_SLOT");
        assert_true(json_is_null(json_object_get(slot, "new_object")));
        assert_true(json_is_null(json_object_get(json_array_get(json_object_get(root, "slots"), 0), "version")));
        json_t *member = json_array_get(json_object_get(root, "members"), 0);
        assert_string_equal(json_string_value(json_object_get(member, "path")), "/opt/\"q\"/libx.so");
        assert_string_equal(json_string_value(json_object_get(member, "build_id")), "dead");
        json_decref(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_names_pass_unchanged),
        cmocka_unit_test(well_formed_utf8_is_written_as_it_is),
        cmocka_unit_test(bytes_that_are_not_utf8_become_the_characters_of_their_number),
        cmocka_unit_test(any_two_and_any_random_bytes_give_valid_json),
        cmocka_unit_test(a_name_that_does_not_fit_is_counted),
        cmocka_unit_test(a_plan_is_valid_json_whatever_its_names_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
