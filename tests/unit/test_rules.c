/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "plan/rules.h"

struct fixture {
    struct arena arena;
    struct arena_list rules;
    struct graft_error error;
};

static int parse(struct fixture *f, const char *text)
{
    memset(f, 0, sizeof *f);
    f->rules = (struct arena_list){ .arena = &f->arena, .element_size = sizeof(struct rule) };
    return rules_parse(&f->rules, text, &f->error);
}

static const struct rule *rule_at(const struct fixture *f, size_t i)
{
    return arena_list_at(&f->rules, i);
}

static void every_option_of_a_rule_is_read(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "rebind *_loader.so onto=main from=libnode.so.* only=napi_*,uv_* "
                               "alone partial any-version\n"
                               "isolate redis*.so\n"
                               "isolate lua.so alone"), 0);
    assert_int_equal(f.rules.count, 3);
    const struct rule *rule = rule_at(&f, 0);
    assert_int_equal(rule->kind, RULE_REBIND);
    assert_string_equal(rule->consumer, "*_loader.so");
    assert_string_equal(rule->onto, "main");
    assert_string_equal(rule->from, "libnode.so.*");
    assert_string_equal(rule->only, "napi_*,uv_*");
    assert_int_equal(rule->flags, GRAFT_PARTIAL | GRAFT_ANY_VERSION);
    assert_int_equal(rule->line, 1);
    rule = rule_at(&f, 1);
    assert_int_equal(rule->kind, RULE_ISOLATE);
    assert_int_equal(rule->flags, GRAFT_CLOSURE);
    assert_null(rule->onto);
    assert_int_equal(rule->line, 2);
    assert_int_equal(rule_at(&f, 2)->flags, 0);
    arena_free(&f.arena);
}

static void comments_blanks_and_semicolons_separate(void **state)
{
    (void)state;
    static const struct { const char *text; size_t rules; } cases[] = {
        { "", 0 },                                     { "\n\n \t\r\n;;;", 0 },
        { "# only a comment", 0 },                     { "# one\n# two\n", 0 },
        { "rebind a # rebind b", 1 },                  { "rebind a;rebind b", 2 },
        { "rebind a; # c\nrebind b", 2 },              { ";rebind a;;\n;isolate b;", 2 },
        { "rebind a\r\nrebind b\r\n", 2 },             { "\trebind\ta\tonto=x\t", 1 },
        { "rebind a#b", 1 },                           { "rebind a closure closure", 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, cases[i].text), 0);
        assert_int_equal(f.rules.count, cases[i].rules);
        arena_free(&f.arena);
    }
}

static void every_error_names_the_line_and_the_word(void **state)
{
    (void)state;
    static const struct { const char *text, *line, *word; } cases[] = {
        { "bind a", "line 1", "'bind'" },
        { "rebind a\n\nfoo b", "line 3", "'foo'" },
        { "rebind a; foo b", "line 1", "'foo'" },
        { "rebind", "line 1", "'rebind'" },
        { "\nisolate # x", "line 2", "'isolate'" },
        { "rebind a onto", "line 1", "'onto'" },
        { "rebind a\nrebind b unto=x", "line 2", "'unto=x'" },
        { "isolate a onto=x", "line 1", "'onto=x'" },
        { "isolate a partial", "line 1", "'partial'" },
        { "isolate a any-version", "line 1", "'any-version'" },
        { "rebind a Onto=x", "line 1", "'Onto=x'" },
        { "# c\n# c\nrebind a alone=1", "line 3", "'alone=1'" },
        { "\xff\xfe", "line 1", "'\xff\xfe'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, cases[i].text), -GRAFT_ESYNTAX);
        assert_int_equal(f.error.code, -GRAFT_ESYNTAX);
        if (!strstr(f.error.text, cases[i].line) || !strstr(f.error.text, cases[i].word))
            fail_msg("'%s': %s", cases[i].text, f.error.text);
        arena_free(&f.arena);
    }
}

static void nothing_is_appended_by_a_text_with_an_error(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, "rebind a"), 0);
    assert_int_equal(rules_parse(&f.rules, "rebind b\nrebind c\nnonsense", &f.error), -GRAFT_ESYNTAX);
    assert_int_equal(f.rules.count, 1);
    assert_string_equal(rule_at(&f, 0)->consumer, "a");
    assert_int_equal(rules_parse(&f.rules, "isolate d", NULL), 0);
    assert_string_equal(rule_at(&f, 1)->consumer, "d");
    assert_null(rule_at(&f, 1)->only);
    arena_free(&f.arena);
}

/* The rest of a word that was cut would pass for a word of its own. */
static void a_word_that_is_too_long_is_refused_and_not_cut_in_two(void **state)
{
    (void)state;
    static const char *const forms[] = { "rebind %s", "rebind a only=%s", "%s" };
    char word[6000], text[6100];
    for (size_t i = 0; i < 3; i++)
        for (size_t length = 4080; length < 4110; length++) {
            struct fixture f;
            memset(word, 'x', length);
            strcpy(word + length, "alone");
            snprintf(text, sizeof text, forms[i], word);
            int result = parse(&f, text);
            if (length > 4095)
                assert_int_equal(result, -GRAFT_ESYNTAX);
            if (result == 0) {
                const struct rule *rule = rule_at(&f, 0);
                assert_string_equal(i ? rule->only : rule->consumer, word);
                assert_int_equal(rule->flags, GRAFT_CLOSURE);
            }
            arena_free(&f.arena);
        }
}

static void a_thousand_rules_are_read(void **state)
{
    (void)state;
    static char text[20000];
    struct fixture f;
    for (int i = 0; i < 1000; i++)
        sprintf(text + strlen(text), "rebind %d.so\n", i);
    assert_int_equal(parse(&f, text), 0);
    assert_int_equal(f.rules.count, 1000);
    assert_string_equal(rule_at(&f, 999)->consumer, "999.so");
    assert_int_equal(rule_at(&f, 999)->line, 1000);
    arena_free(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_of_a_rule_is_read),
        cmocka_unit_test(comments_blanks_and_semicolons_separate),
        cmocka_unit_test(every_error_names_the_line_and_the_word),
        cmocka_unit_test(nothing_is_appended_by_a_text_with_an_error),
        cmocka_unit_test(a_word_that_is_too_long_is_refused_and_not_cut_in_two),
        cmocka_unit_test(a_thousand_rules_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
