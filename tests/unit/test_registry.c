/* SPDX-License-Identifier: MIT */
/* The registry's dlopen, which wins over libc's in this program: modules by hand and one
 * record as `graft pack` writes it. What `graft lift` makes is tried by tests/e2e. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <graft/registry.h>

#include "registry/record.h"

_Static_assert(sizeof(struct graft_record) == 256 && offsetof(struct graft_record, symbols) == 128
               && offsetof(struct graft_record, build_id_size) == 248, "the record below is written out");

static char events[256];
static void event(const char *what) { strcat(events, what); }

__attribute__((used)) static void packed_init(void) { event("+p"); }
__attribute__((used)) static void packed_fini(void) { event("-p"); }
__attribute__((used)) static int packed_answer(void) { return 42; }
__attribute__((used)) static int packed_value = 7;

__asm__(".pushsection graft_modules, \"a\"\n .balign 8\n"
        "1: .ascii \"GRAFTM02\"\n .long 256, 2\n .quad 2f - ., 3f - .\n .fill 12, 8, 0\n"
        " .quad 4f - ., 2, 5f - ., 6f - ., 1, 1\n .fill 32, 1, 0xab\n .quad 0\n"
        " .byte 0x12, 0x34\n .fill 30, 1, 0\n .quad 2\n .popsection\n"
        ".pushsection .rodata, \"a\"\n .balign 8\n"
        "4: .quad 7f - ., packed_answer - ., 1\n .long 2, 0\n .quad 8f - ., packed_value - ., 4\n .long 1, 0\n"
        "5: .quad packed_init - .\n6: .quad packed_fini - .\n"
        "2: .string \"/opt/app/packed.so\"\n3: .string \"libpacked.so.1\"\n"
        "7: .string \"answer\"\n8: .string \"value\"\n .popsection\n");

static int one(void) { return 1; }
static int two(void) { return 2; }
static void a_init(void) { event("+a"); }
static void a_fini(void) { event("-a"); }
static void b_init(void) { event("+b"); }
static void b_fini(void) { event("-b"); }

#define MODULE(...) { .size = sizeof(struct graft_registry_module), __VA_ARGS__ }
static const struct graft_registry_symbol a_symbols[] = { { "z", one, 1 }, { "only_a", one, 1 } };
static const struct graft_registry_symbol b_symbols[] = { { "z", two, 1 }, { "only_b", two, 1 } };
static const char *const a_needed[] = { "libb.so", "libc.so.6", NULL }, *const b_needed[] = { "liba.so", NULL };
static const struct graft_registry_module modules[] = {
    MODULE(.path = "/lib/liba.so", .soname = "liba.so", .needed = a_needed, .symbols = a_symbols, .symbol_count = 2,
           .init = a_init, .fini = a_fini),
    MODULE(.path = "/lib/libb.so", .soname = "libb.so", .symbols = b_symbols, .symbol_count = 2,
           .init = b_init, .fini = b_fini),
    MODULE(.path = "/x/one/uri.so"), MODULE(.path = "/x/two/uri.so"),
    MODULE(.path = "/lib/cycle.so", .soname = "cycle.so", .needed = b_needed),
};

static int add_modules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if (graft_registry_add(&modules[i]))
            return -1;
    return 0;
}

static int forget_events(void **state)
{
    (void)state;
    events[0] = 0;
    (void)dlerror();
    return 0;
}

static void a_record_of_the_section_is_found_by_all_its_names(void **state)
{
    (void)state;
    char digest[72] = "sha256:";
    for (int i = 0; i < 32; i++)
        strcat(digest, "ab");
    const char *names[] = { "/opt/app/packed.so", "libpacked.so.1", "packed.so", "/else/app/packed.so", "build-id:1234", digest };
    void *first = dlopen(names[0], RTLD_NOW);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_ptr_equal(dlopen(names[i], RTLD_NOW), first);
        assert_int_equal(dlclose(first), 0);
    }
    int (*answer)(void) = (int (*)(void))dlsym(first, "answer");
    assert_int_equal(answer(), 42);
    assert_int_equal(*(int *)dlsym(first, "value"), 7);
    assert_string_equal(events, "+p");
    assert_int_equal(dlclose(first), 0);
    assert_string_equal(events, "+p-p");
}

static void what_is_needed_starts_first_ends_last_and_is_found_after(void **state)
{
    (void)state;
    void *a = dlopen("liba.so", RTLD_LAZY), *b = dlopen("libb.so", RTLD_LAZY);
    assert_string_equal(events, "+b+a");
    assert_ptr_equal(dlsym(a, "z"), one);
    assert_ptr_equal(dlsym(b, "z"), two);
    assert_ptr_equal(dlsym(a, "only_b"), two);
    assert_null(dlsym(b, "only_a"));
    assert_string_equal(dlerror(), "/lib/libb.so: undefined symbol: only_a");
    assert_null(dlerror());
    dlclose(b);
    assert_string_equal(events, "+b+a");
    dlclose(a);
    assert_string_equal(events, "+b+a-a-b");
    assert_int_equal(dlclose(a), -1);
    assert_non_null(strstr(dlerror(), "shared object not open"));
}

static void what_is_still_needed_stays(void **state)
{
    (void)state;
    void *a = dlopen("liba.so", RTLD_NOW), *c = dlopen("cycle.so", RTLD_NOW);
    dlclose(a);
    assert_string_equal(events, "+b+a");
    assert_ptr_equal(dlsym(c, "z"), one);
    dlclose(c);
    assert_string_equal(events, "+b+a-a-b");
}

static void errors_have_the_words_of_glibc(void **state)
{
    (void)state;
    assert_null(dlopen("nix.so", RTLD_NOW));
    assert_string_equal(dlerror(), "nix.so: cannot open shared object file: No such file or directory");
    assert_null(dlopen("liba.so", 0));
    assert_string_equal(dlerror(), "liba.so: invalid mode for dlopen(): Invalid argument");
    assert_null(dlopen(NULL, 0));
    assert_string_equal(dlerror(), "invalid mode for dlopen(): Invalid argument");
    assert_null(dlopen("liba.so", RTLD_NOW | RTLD_NOLOAD));
    assert_null(dlerror());
    void *a = dlopen("liba.so", RTLD_NOW);
    assert_null(dlvsym(a, "nix", "V1"));
    assert_string_equal(dlerror(), "/lib/liba.so: undefined symbol: nix, version V1");
    dlclose(a);
}

static void a_tie_is_refused_by_both_names(void **state)
{
    (void)state;
    assert_null(dlopen("uri.so", RTLD_NOW));
    const char *text = dlerror();
    assert_non_null(strstr(text, "/x/one/uri.so"));
    assert_non_null(strstr(text, "/x/two/uri.so"));
    void *two_uri = dlopen("/y/two/uri.so", RTLD_NOW);
    assert_ptr_equal(two_uri, dlopen("/x/two/uri.so", RTLD_NOW));
    dlclose(two_uri);
    dlclose(two_uri);
}

static void global_modules_answer_for_the_program(void **state)
{
    (void)state;
    assert_null(dlsym(RTLD_DEFAULT, "only_b"));
    void *b = dlopen("libb.so", RTLD_NOW | RTLD_GLOBAL);
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "only_b"), two);
    assert_ptr_equal(dlsym(RTLD_NEXT, "only_b"), two);
    assert_ptr_equal(dlsym(dlopen(NULL, RTLD_NOW), "only_b"), two);
    assert_ptr_equal(dlopen("libc.so.6", RTLD_NOW), dlopen("libc.so.6", RTLD_LAZY));
    dlclose(b);
    /* Asked for by the program, which never goes: glibc's add_dependency keeps it too. */
    assert_ptr_equal(dlsym(RTLD_DEFAULT, "only_b"), two);
}

static void an_address_has_the_name_of_a_module_by_hand(void **state)
{
    (void)state;
    Dl_info info;
    void *b = dlopen("libb.so", RTLD_NOW);
    assert_int_not_equal(dladdr((void *)two, &info), 0);
    assert_string_equal(info.dli_fname, "/lib/libb.so");
    assert_ptr_equal(info.dli_saddr, two);
    dlclose(b);
}

static void *own_handle(const char *name, int flags, void *arg)
{
    (void)flags;
    return !strcmp(name, "mine") ? arg : !strcmp(name, "b") ? dlopen("libb.so", RTLD_NOW) : NULL;
}

static void a_fallback_is_asked_and_its_handles_are_not_looked_into(void **state)
{
    (void)state;
    graft_registry_set_fallback(own_handle, (void *)0x1231);
    assert_ptr_equal(dlopen("mine", RTLD_NOW), (void *)0x1231);
    assert_null(dlsym((void *)0x1231, "z"));
    assert_non_null(dlerror());
    assert_int_equal(dlclose((void *)0x1231), -1);
    void *b = dlopen("b", RTLD_NOW);
    assert_ptr_equal(dlsym(b, "z"), two);
    assert_int_equal(dlclose(b), 0);
    graft_registry_set_fallback(NULL, NULL);
    assert_null(dlopen("mine", RTLD_NOW));
}

static void a_path_is_registered_once(void **state)
{
    (void)state;
    assert_int_equal(graft_registry_add(&modules[0]), -1);
    assert_string_equal(dlerror(), "/lib/liba.so: another module has this path");
}

static void a_child_of_fork_can_open(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    if (!child) {
        alarm(5);
        void *b = dlopen("libb.so", RTLD_NOW);
        _exit(b && !dlclose(b) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void *open_and_close(void *wrong)
{
    for (int i = 0; i < 2000; i++) {
        void *a = dlopen("liba.so", RTLD_NOW), *none = dlopen("nix", RTLD_NOW);
        if (!a || none || !dlerror() || dlsym(a, "z") != (void *)one || dlclose(a))
            *(int *)wrong = 1;
        __atomic_store_n(events, 0, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    int wrong[4] = { 0 };
    pthread_t threads[4];
    void *held = dlopen("liba.so", RTLD_NOW);       /* so that no event is written meanwhile */
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &wrong[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(wrong[i], 0);
    }
    dlclose(held);
}

enum { WIDE = 100 };

/* Pages of all mappings, the first number of statm. */
static long mapped_pages(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld", &pages), 1);
    fclose(file);
    return pages;
}

static void opening_again_takes_no_more_memory(void **state)
{
    (void)state;
    static struct graft_registry_module leaf[WIDE], wide;
    static char path[WIDE][32];
    static const char *needed[WIDE + 1];
    for (int i = 0; i < WIDE; i++) {
        snprintf(path[i], sizeof path[i], "/wide/leaf%d.so", i);
        leaf[i] = (struct graft_registry_module){ .size = sizeof leaf[i], .path = needed[i] = path[i] };
        assert_int_equal(graft_registry_add(&leaf[i]), 0);
    }
    wide = (struct graft_registry_module){ .size = sizeof wide, .path = "/wide/wide.so", .needed = needed };
    assert_int_equal(graft_registry_add(&wide), 0);
    long before = 0;
    for (int i = 0; i < 4000; i++) {
        void *handle = dlopen("/wide/wide.so", RTLD_NOW | RTLD_GLOBAL);
        assert_non_null(handle);
        assert_int_equal(dlclose(handle), 0);
        if (i == 100)
            before = mapped_pages();
    }
    assert_true(mapped_pages() - before < 64);
}

#define TEST(f) cmocka_unit_test_setup(f, forget_events)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_of_the_section_is_found_by_all_its_names),
        TEST(what_is_needed_starts_first_ends_last_and_is_found_after),
        TEST(what_is_still_needed_stays), TEST(errors_have_the_words_of_glibc), TEST(a_tie_is_refused_by_both_names),
        TEST(global_modules_answer_for_the_program), TEST(an_address_has_the_name_of_a_module_by_hand),
        TEST(a_fallback_is_asked_and_its_handles_are_not_looked_into), TEST(a_path_is_registered_once),
        TEST(a_child_of_fork_can_open), TEST(threads_do_not_disturb_each_other),
        TEST(opening_again_takes_no_more_memory),
    };
    return cmocka_run_group_tests(tests, add_modules, NULL);
}
