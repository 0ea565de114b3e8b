/* SPDX-License-Identifier: MIT */
/* Stand-ins that grow while they are loaded, beside look-ups, and the time that making
 * one takes. */

#include "made.h"
#include "process.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "elf/symbol.h"

static void what_is_added_is_found_and_what_was_there_stays(void **state)
{
    struct stand_in_symbol *old = many("old", 300, NULL, 0x10000), *new = many("new", 900, "V_2", 0x20000);
    struct stand_in wish = usual;
    (void)state;
    wish.symbols = old;
    wish.symbol_count = 300;
    wish.more = 4096 + 900;
    wish.more_strings = 40000;
    struct made m = make(&wish);
    for (size_t i = 0; i < 900; i++) {
        assert_false(stand_in_has(m.bytes, &m.layout, new[i].name, 1));
        assert_true(stand_in_add(m.bytes, &m.layout, &new[i], 1));
        assert_true(stand_in_has(m.bytes, &m.layout, new[i].name, 1));
        assert_false(stand_in_has(m.bytes, &m.layout, new[i].name, 0));
        assert_false(stand_in_has(m.bytes, &m.layout, new[i].name, -1));
    }
    void *handle = open_made(&m);
    for (size_t i = 0; i < 300; i++)
        assert_ptr_equal(dlsym(handle, old[i].name), old[i].address);
    for (size_t i = 0; i < 900; i++) {
        assert_ptr_equal(dlvsym(handle, new[i].name, "V_2"), new[i].address);
        assert_null(dlvsym(handle, new[i].name, "V_1"));
    }
    dlclose(handle);
    no_more(old);
    no_more(new);
    unmake(&m);
}

static void one_that_is_full_says_so_and_stays_whole(void **state)
{
    struct stand_in_symbol *old = many("old", 20, NULL, 0x10000), *new = many("new", 200, NULL, 0x20000);
    const struct stand_in wish = { .soname = "libfull.so", .symbols = old, .symbol_count = 20, .more = 30, .more_strings = 1200 };
    struct made m = make(&wish);
    size_t added = 0;
    (void)state;
    while (added < 200 && stand_in_add(m.bytes, &m.layout, &new[added], -1))
        added++;
    assert_true(added > 0 && added <= 30);
    char *name = malloc(5000);
    memset(name, 'n', 4999);
    name[4999] = '\0';
    assert_false(stand_in_add(m.bytes, &m.layout, &(struct stand_in_symbol){ name, NULL, 1, 1, STT_FUNC, false }, -1));
    void *handle = open_made(&m);
    for (size_t i = 0; i < 20; i++)
        assert_ptr_equal(dlsym(handle, old[i].name), old[i].address);
    for (size_t i = 0; i < added; i++)
        assert_ptr_equal(dlsym(handle, new[i].name), new[i].address);
    assert_null(dlsym(handle, new[added].name));
    dlclose(handle);
    free(name);
    no_more(old);
    no_more(new);
    unmake(&m);
}

/* Room for symbols does not help where their names have none, and the other way round. */
static void room_for_names_and_for_symbols_is_counted_apart(void **state)
{
    struct stand_in_symbol *old = many("old", 5, NULL, 0x10000), *new = many("new", 50, NULL, 0x20000);
    const struct { size_t more, strings; } rooms[] = { { 400, 20 }, { 3, 4000 } };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct stand_in wish = { .soname = "libroom.so", .symbols = old, .symbol_count = 5, .more = rooms[i].more,
                                 .more_strings = rooms[i].strings };
        struct made m = make(&wish);
        size_t added = 0;
        while (added < 50 && stand_in_add(m.bytes, &m.layout, &new[added], -1))
            added++;
        assert_true(added > 0 && added < 4);
        assert_true(stand_in_has(m.bytes, &m.layout, new[added - 1].name, -1));
        assert_false(stand_in_has(m.bytes, &m.layout, new[added].name, -1));
        unmake(&m);
    }
    no_more(old);
    no_more(new);
}

/* Names of one bucket that have one hash, all but its lowest bit: "…c" and "…bB" collide
 * in 33 h + c. */
static void names_whose_hashes_collide_are_told_apart(void **state)
{
    struct stand_in_symbol two[] = { { "xac", NULL, 0x100, 1, STT_FUNC, false }, { "xbB", NULL, 0x200, 1, STT_FUNC, false } };
    const struct stand_in wish = { .soname = "libtwo.so", .symbols = two, .symbol_count = 2, .more = 50, .more_strings = 1000 };
    (void)state;
    assert_int_equal(elf_hash_gnu("xac"), elf_hash_gnu("xbB"));
    struct made m = make(&wish);
    assert_false(stand_in_has(m.bytes, &m.layout, "ybB", -1));
    assert_true(stand_in_add(m.bytes, &m.layout, &(struct stand_in_symbol){ "yac", NULL, 0x300, 1, STT_FUNC, false }, -1));
    assert_false(stand_in_has(m.bytes, &m.layout, "ybB", -1));
    assert_true(stand_in_add(m.bytes, &m.layout, &(struct stand_in_symbol){ "ybB", NULL, 0x400, 1, STT_FUNC, false }, -1));
    void *handle = open_made(&m);
    assert_ptr_equal(dlsym(handle, "xac"), 0x100);
    assert_ptr_equal(dlsym(handle, "xbB"), 0x200);
    assert_ptr_equal(dlsym(handle, "yac"), 0x300);
    assert_ptr_equal(dlsym(handle, "ybB"), 0x400);
    dlclose(handle);
    unmake(&m);
}

static struct { void *handle; struct stand_in_symbol *old, *new; atomic_size_t added; atomic_bool stop; atomic_ulong asked, wrong; } grow;

enum { OLD = 500, NEW = 3000 };

/* What was there is always found; what is known to be added already, too. */
static void *look_up(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    while (!grow.stop) {
        size_t known = grow.added, i = (size_t)rand_r(&seed);
        grow.wrong += dlsym(grow.handle, grow.old[i % OLD].name) != (void *)grow.old[i % OLD].address;
        if (known)
            grow.wrong += dlsym(grow.handle, grow.new[i % known].name) != (void *)grow.new[i % known].address;
        void *any = dlsym(grow.handle, grow.new[i % NEW].name);
        grow.wrong += any && any != (void *)grow.new[i % NEW].address;
        grow.asked += 3;
    }
    return NULL;
}

static void four_threads_look_names_up_while_it_grows(void **state)
{
    pthread_t thread[4];
    (void)state;
    grow.old = many("old", OLD, NULL, 0x100000);
    grow.new = many("new", NEW, NULL, 0x200000);
    const struct stand_in wish = { .soname = "libgrow.so", .symbols = grow.old, .symbol_count = OLD, .more = 8 * NEW,
                                   .more_strings = 40 * NEW };
    struct made m = make(&wish);
    grow.handle = open_made(&m);
    unsigned char *bytes = (unsigned char *)((struct link_map *)grow.handle)->l_addr;
    assert_int_equal(mprotect(bytes, m.layout.size, PROT_READ | PROT_WRITE), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, look_up, (void *)(i + 1)), 0);
    for (size_t i = 0; i < NEW; i++) {
        assert_true(stand_in_add(bytes, &m.layout, &grow.new[i], -1));
        grow.added = i + 1;
        if (i % 8 == 0)
            usleep(100);                /* there are fewer processors than threads */
    }
    grow.stop = true;
    for (size_t i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(grow.wrong, 0);
    assert_true(grow.asked > 1000);
    dlclose(grow.handle);
    no_more(grow.old);
    no_more(grow.new);
    unmake(&m);
}

/* ---- how long it takes --------------------------------------------------------------------------- */

static double seconds_for(size_t count)
{
    struct stand_in_symbol *symbols = many("a_name_of_usual_length", count, "V_2", 1);
    struct stand_in wish = usual;
    double best = 1e9;
    wish.symbols = symbols;
    wish.symbol_count = count;
    for (int i = 0; i < 7; i++) {
        struct timespec from, to;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
        struct made m = make(&wish);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
        double took = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        best = took < best ? took : best;
        unmake(&m);
    }
    no_more(symbols);
    return best;
}

/* Twenty times as many take twenty times as long, and caches that overflow; a quadratic
 * writer would need 400 times. */
static void the_time_is_linear_in_the_number_of_symbols(void **state)
{
    double few = seconds_for(1000), all = seconds_for(20000);
    (void)state;
    if (all > 100 * few)
        fail_msg("1,000 symbols: %.6f s, 20,000: %.6f s", few, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_is_found_and_what_was_there_stays),
        cmocka_unit_test(one_that_is_full_says_so_and_stays_whole),
        cmocka_unit_test(room_for_names_and_for_symbols_is_counted_apart),
        cmocka_unit_test(names_whose_hashes_collide_are_told_apart),
        cmocka_unit_test(four_threads_look_names_up_while_it_grows),
        cmocka_unit_test(the_time_is_linear_in_the_number_of_symbols),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
