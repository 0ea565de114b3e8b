/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "base/text.h"

static void globs_match_whole_texts(void **state)
{
    (void)state;
    static const struct { const char *pattern, *text; bool matches; } cases[] = {
        { "", "", true },                     { "", "a", false },
        { "a", "", false },                   { "abc", "abc", true },
        { "abc", "abcd", false },             { "abc", "ab", false },
        { "*", "", true },                    { "*", "anything/at all", true },
        { "**", "", true },                   { "*.so", "libx.so", true },
        { "*.so", "libx.so.1", false },       { "lib*.so*", "libx.so.1", true },
        { "*a*b*c*", "xxaxxbxxcxx", true },   { "*a*b*c*", "xxaxxcxxbxx", false },
        { "*aab", "aaaab", true },            { "a*a", "a", false },
        { "?", "", false },                   { "?", "/", true },
        { "l?b", "lib", true },               { "l??b", "lib", false },
        { "[abc]", "b", true },               { "[abc]", "d", false },
        { "[a-c]x", "bx", true },             { "[a-c]x", "dx", false },
        { "[!a-c]", "d", true },              { "[^a-c]", "b", false },
        { "[]]", "]", true },                 { "[!]]", "]", false },
        { "[]-a]", "_", true },               { "[a-]", "-", true },
        { "[a-]", "b", false },               { "[-a]", "-", true },
        { "[", "[", true },                   { "[a", "[a", true },
        { "[a", "a", false },                 { "[a-", "[a-", true },
        { "x[", "x[", true },                 { "[!", "[!", true },
        { "[z-a]", "m", false },              { "*[0-9].so", "lib3.so", true },
        { "[\x80-\xff]", "\xc3", true },      { "[a-z]", "\xc3", false },
        { "?", "\xff", true },                { "a\\*", "a\\b", true },
        { "*[ab]", "xxb", true },             { "[a]*[b]", "a[b", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (text_glob(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
}

static void a_list_matches_if_one_of_its_globs_does(void **state)
{
    (void)state;
    static const struct { const char *list, *text; bool matches; } cases[] = {
        { "", "", false },                    { "a,b", "a", true },
        { "a,b", "b", true },                 { "a,b", "a,b", false },
        { "a,b", "c", false },                { "Py*,_Py*", "_PyLong", true },
        { ",", "", true },                    { "a,", "a", true },
        { ",a", "a", true },                  { "a,,b", "b", true },
        { "[ab],c", "c", true },              { "[ab],c", "b", true },
        { "x[a,b]", "x[a", true },            { "[,x", "x", true },
        { "a?,b", "ab", true },               { "a?,b", "a,", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (text_glob_list(cases[i].list, cases[i].text) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].list, cases[i].text);
}

static void a_glob_of_many_stars_ends_soon(void **state)
{
    (void)state;
    char pattern[401], text[4001];
    for (size_t i = 0; i < sizeof pattern - 1; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[sizeof pattern - 1] = '\0';
    pattern[sizeof pattern - 2] = 'b';
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    clock_t start = clock();
    assert_false(text_glob(pattern, text));
    assert_true(clock() - start < CLOCKS_PER_SEC);
}

static void copies_are_cut_and_always_ended(void **state)
{
    (void)state;
    char to[4] = "xyz";
    text_copy(to, sizeof to, "abcdef");
    assert_string_equal(to, "abc");
    text_copy(to, sizeof to, NULL);
    assert_string_equal(to, "");
    text_copy(to, 1, "a");
    assert_string_equal(to, "");
    to[0] = 'k';
    text_copy(to, 0, "a");
    assert_int_equal(to[0], 'k');
}

static void a_basename_is_what_follows_the_last_slash(void **state)
{
    (void)state;
    assert_string_equal(text_basename("/usr/lib/libx.so"), "libx.so");
    assert_string_equal(text_basename("libx.so"), "libx.so");
    assert_string_equal(text_basename("/usr/lib/"), "");
    assert_string_equal(text_basename(""), "");
}

static void what_does_not_fit_a_buffer_is_counted_and_not_written(void **state)
{
    (void)state;
    char room[8] = "";
    struct text_buffer buffer = { room, 4, 0 };
    memset(room, 'z', sizeof room);
    text_append(&buffer, "%s", "ab");
    assert_string_equal(room, "ab");
    text_append(&buffer, "%d", 12345);
    assert_string_equal(room, "ab1");
    assert_int_equal(room[4], 'z');
    text_append(&buffer, "%s", "more");
    assert_int_equal(buffer.length, 11);
    assert_string_equal(room, "ab1");
    struct text_buffer none = { NULL, 0, 0 };
    text_append(&none, "%s", "abc");
    assert_int_equal(none.length, 3);
}

static void bytes_become_digits_and_come_back(void **state)
{
    (void)state;
    static const unsigned char bytes[] = { 0, 1, 0x7f, 0x80, 0xab, 0xff };
    unsigned char back[sizeof bytes];
    char text[2 * sizeof bytes + 1];
    text_hex(text, bytes, sizeof bytes);
    assert_string_equal(text, "00017f80abff");
    assert_true(text_unhex(back, text, sizeof back));
    assert_memory_equal(back, bytes, sizeof back);
    static const char *const wrong[] = { "", "00017f80abf", "00017f80abff0", "00017f80abfg", "00017F80ABFF", "00 17f80abff" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(text_unhex(back, wrong[i], sizeof back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_whole_texts),
        cmocka_unit_test(a_list_matches_if_one_of_its_globs_does),
        cmocka_unit_test(a_glob_of_many_stars_ends_soon),
        cmocka_unit_test(copies_are_cut_and_always_ended),
        cmocka_unit_test(a_basename_is_what_follows_the_last_slash),
        cmocka_unit_test(bytes_become_digits_and_come_back),
        cmocka_unit_test(what_does_not_fit_a_buffer_is_counted_and_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
