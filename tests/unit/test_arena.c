/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"

static void memory_is_zeroed_and_aligned_for_any_type(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    for (size_t size = 0; size < 3000; size++) {
        unsigned char *p = arena_alloc(&arena, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xa5, size);
    }
    arena_free(&arena);
    assert_null(arena.newest);
    assert_int_equal(arena.mapped, 0);
}

static void pieces_do_not_overlap(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    unsigned char *pieces[2000];
    for (size_t i = 0; i < 2000; i++)
        memset(pieces[i] = arena_alloc(&arena, i % 301), (int)(i & 0xff), i % 301);
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < i % 301; k++)
            assert_int_equal(pieces[i][k], i & 0xff);
    arena_free(&arena);
}

static void a_piece_larger_than_a_chunk_has_its_own(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    size_t size = 5 << 20;
    unsigned char *large = arena_alloc(&arena, size);
    assert_non_null(large);
    large[0] = large[size - 1] = 1;
    assert_non_null(arena_alloc(&arena, 10));
    arena_free(&arena);
}

static void impossible_sizes_give_NULL_at_once(void **state)
{
    (void)state;
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2 + 1, SIZE_MAX / 2, SIZE_MAX / 2 - 15,
                                    SIZE_MAX / 2 - 31, SIZE_MAX / 4 + 1, SIZE_MAX / 4 };
    struct arena arena = { 0 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_null(arena_alloc(&arena, sizes[i]));
    assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(arena_array(&arena, (size_t)1 << 33, (size_t)1 << 33));
    assert_non_null(arena_array(&arena, 10, 10));
    assert_string_equal(arena_string(&arena, "kept"), "kept");
    assert_string_equal(arena_string(&arena, ""), "");
    arena_free(&arena);
}

static void elements_of_a_list_never_move(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    struct arena arena = { 0 };
    struct arena_list list = { .arena = &arena, .element_size = sizeof(size_t) };
    static size_t *where[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        where[i] = arena_list_push(&list);
        assert_non_null(where[i]);
        assert_int_equal(*where[i], 0);
        *where[i] = i;
    }
    assert_int_equal(list.count, COUNT);
    assert_true(list.capacity >= COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_ptr_equal(arena_list_at(&list, i), where[i]);
        assert_int_equal(*where[i], i);
    }
    arena_free(&arena);
}

/* rules_parse cuts its list back when a later line is wrong. */
static void a_new_element_is_zeroed_also_after_the_list_was_cut_back(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    struct arena_list list = { .arena = &arena, .element_size = 40 };
    for (int i = 0; i < 100; i++)
        memset(arena_list_push(&list), 0xff, 40);
    list.count = 10;
    unsigned char *element = arena_list_push(&list);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(element[i], 0);
    arena_free(&arena);
}

static void a_list_of_impossible_elements_stays_empty(void **state)
{
    (void)state;
    struct arena arena = { 0 };
    struct arena_list list = { .arena = &arena, .element_size = SIZE_MAX / 8 };
    assert_null(arena_list_push(&list));
    assert_int_equal(list.count, 0);
    assert_int_equal(list.capacity, 0);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_for_any_type),
        cmocka_unit_test(pieces_do_not_overlap),
        cmocka_unit_test(a_piece_larger_than_a_chunk_has_its_own),
        cmocka_unit_test(impossible_sizes_give_NULL_at_once),
        cmocka_unit_test(elements_of_a_list_never_move),
        cmocka_unit_test(a_new_element_is_zeroed_also_after_the_list_was_cut_back),
        cmocka_unit_test(a_list_of_impossible_elements_stays_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
