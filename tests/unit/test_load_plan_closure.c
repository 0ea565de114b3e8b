/* SPDX-License-Identifier: MIT */
/* plan_load over closures: who is the host among several, libraries that are not there,
 * that stand between, or beside the runtime, and the runtime's own library. */

#include "load_world.h"
#include "process.h"

#include <elf.h>
#include <string.h>

#define FUNCTION(n) { n, 0x1000, 8, 1, STT_FUNC, STB_GLOBAL, STV_DEFAULT, 0 }
#define WANTED(n)   { n, 0, 0, 0, STT_FUNC, STB_GLOBAL, STV_DEFAULT, 0 }
#define CALLS(n)    .plt = { { 0, n, R_X86_64_JUMP_SLOT, 0 } }, .plt_count = 1
#define TCL         FUNCTION("Tcl_CreateInterp"), FUNCTION("Tcl_EvalEx")
#define NODE        FUNCTION("_ZN4node5StartEiPPc"), FUNCTION("napi_create_function")

static const struct build runtime = { .soname = "libtcl8.6.so", .symbols = { TCL, FUNCTION("rt_call") } };
static const struct build copy = { .soname = "libtcl8.6.so.copy", .symbols = { TCL, FUNCTION("rt_call") } };
static const struct build asks = { .soname = "consumer.so", .symbols = { WANTED("rt_call") }, CALLS("rt_call") };
static const struct build asks_nobody = { .soname = "between.so", .symbols = { FUNCTION("between") } };

static void with_a_host(struct load_world *w, const struct build *consumer)
{
    load_world_init(w);
    load_world_here(w, "/host/libtcl8.6.so", &runtime);
    load_world_coming(w, "/lib/consumer.so", consumer);
}

/* ---- closures ------------------------------------------------------------------------- */

static void a_copy_behind_another_library_is_found(void **state)
{
    struct load_world w;
    (void)state;
    with_a_host(&w, &asks_nobody);
    size_t between = load_world_coming(&w, "/lib/between.so", &asks);
    load_world_needs(&w, 0, "between.so", between);
    load_world_needs(&w, between, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &copy));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_object(&w, "libtcl8.6.so.copy")->fate, GRAFT_FATE_DUPLICATE);
    assert_string_equal(load_world_object(&w, "libtcl8.6.so.copy")->needed_by, "/lib/between.so");
    assert_string_equal(load_world_symbol(&w, "rt_call")->object, "/lib/between.so");
    load_world_free(&w);
}

/* As the copy is not opened, what only it needs does not come either. */
static void what_only_the_copy_needs_is_no_news(void **state)
{
    struct load_world w;
    const struct graft_load_object *o;
    (void)state;
    with_a_host(&w, &asks);
    size_t second = load_world_coming(&w, "/lib/libtcl8.6.so.copy", &copy);
    load_world_needs(&w, 0, "libtcl8.6.so.copy", second);
    load_world_needs(&w, second, "libdeep.so", load_world_coming(&w, "/lib/libdeep.so", &asks_nobody));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    for (size_t i = 0; (o = graft_load_plan_object(w.plan, i)); i++)
        assert_string_not_equal(o->name, "libdeep.so");
    load_world_free(&w);
}

static void libraries_that_need_each_other_end(void **state)
{
    struct load_world w;
    (void)state;
    with_a_host(&w, &asks);
    size_t between = load_world_coming(&w, "/lib/between.so", &asks_nobody);
    load_world_needs(&w, 0, "between.so", between);
    load_world_needs(&w, between, "consumer.so", 0);
    load_world_needs(&w, between, "between.so", between);
    load_world_needs(&w, between, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &copy));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    load_world_free(&w);
}

static void a_copy_that_is_not_there_gets_a_stand_in_of_its_name(void **state)
{
    struct load_world w;
    (void)state;
    with_a_host(&w, &asks);
    load_world_needs(&w, 0, "libgone.so.1", WORLD_NONE);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_object(&w, "libgone.so.1")->fate, GRAFT_FATE_ABSENT);
    assert_null(load_world_object(&w, "libgone.so.1")->path);
    assert_int_equal(w.plan->stand_ins.count, 1);
    const struct load_stand_in *s = arena_list_at(&w.plan->stand_ins, 0);
    assert_string_equal(s->soname, "libgone.so.1");
    assert_false(s->global);
    load_world_free(&w);
}

/* Two are missing, and the host can take the place of one only: dlopen would fail. */
static void another_library_that_is_not_there_cannot_be_stood_in_for(void **state)
{
    struct load_world w;
    (void)state;
    with_a_host(&w, &asks);
    load_world_needs(&w, 0, "libgone.so.1", WORLD_NONE);
    load_world_needs(&w, 0, "libelse.so.1", WORLD_NONE);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    load_world_free(&w);
}

static void a_file_that_is_no_library_is_told_as_such(void **state)
{
    struct load_world w;
    struct load_need *need;
    (void)state;
    with_a_host(&w, &asks);
    load_world_needs(&w, 0, "libbad.so", WORLD_NONE);
    need = arena_list_at(&w.closure.needs, 0);
    need->unreadable = true;
    enum graft_way way = load_world_plan(&w);
    assert_int_equal(load_world_object(&w, "libbad.so")->fate, GRAFT_FATE_UNREADABLE);
    assert_int_not_equal(way, GRAFT_WAY_PROVIDER);      /* ld.so meets the file first */
    load_world_free(&w);
}

/* ---- beside the runtime ------------------------------------------------------------------ */

/* The program is node with libuv inside; libnode's libuv would be a second one. */
static void a_library_that_the_host_holds_too_is_left_out_with_the_copy(void **state)
{
    const struct build node = { .symbols = { NODE, FUNCTION("uv_run") } };
    const struct build libnode = { .soname = "libnode.so", .needed = { "libuv.so.1" }, .symbols = { NODE } };
    const struct build libuv = { .soname = "libuv.so.1", .symbols = { FUNCTION("uv_run"), FUNCTION("uv_private") } };
    const struct build addon = { .soname = "x.node", .symbols = { WANTED("uv_run"), WANTED("napi_create_function") },
        .plt = { { 0, "uv_run", R_X86_64_JUMP_SLOT, 0 }, { 1, "napi_create_function", R_X86_64_JUMP_SLOT, 0 } }, .plt_count = 2 };
    struct build other = addon;
    struct load_world w;
    (void)state;
    other.symbols[1] = (struct build_symbol)WANTED("uv_private");
    other.plt[1].symbol = "uv_private";
    for (int private = 0; private < 2; private++) {
        load_world_init(&w);
        w.here.main = load_world_here(&w, "/bin/node", &node);
        load_world_coming(&w, "/lib/x.node", private ? &other : &addon);
        size_t second = load_world_coming(&w, "/lib/libnode.so", &libnode), uv = load_world_coming(&w, "/lib/libuv.so.1", &libuv);
        load_world_needs(&w, 0, "libnode.so", second);
        load_world_needs(&w, 0, "libuv.so.1", uv);
        load_world_needs(&w, second, "libuv.so.1", uv);
        enum graft_way way = load_world_plan(&w);
        assert_int_equal(load_world_object(&w, "libnode.so")->fate, GRAFT_FATE_DUPLICATE);
        if (private)            /* the host has not all of it */
            assert_int_equal(load_world_object(&w, "libuv.so.1")->fate, GRAFT_FATE_COMES);
        else {
            assert_int_equal(way, GRAFT_WAY_PROVIDER);
            assert_int_equal(load_world_object(&w, "libuv.so.1")->fate, GRAFT_FATE_BESIDE);
            assert_string_equal(load_world_object(&w, "libuv.so.1")->host, "/bin/node");
            assert_false(load_world_object(&w, "libuv.so.1")->opened);
            assert_int_equal(load_world_symbol(&w, "uv_run")->binding, GRAFT_BINDING_BOUND);
            assert_int_equal(w.plan->stand_ins.count, 2);
        }
        load_world_free(&w);
    }
}

/* ---- who is the host ------------------------------------------------------------------------ */

static void two_hosts(struct load_world *w)
{
    with_a_host(w, &asks);
    load_world_here(w, "/host/libtcl8.6.so.0", &copy);
    load_world_needs(w, 0, "libtcl8.6.so.2", load_world_coming(w, "/lib/libtcl8.6.so.2", &runtime));
}

static void several_hosts_have_to_be_told_apart(void **state)
{
    struct load_world w;
    (void)state;
    two_hosts(&w);
    assert_int_equal(load_world_fails(&w), -GRAFT_EAMBIG);
    assert_non_null(strstr(w.error.text, "onto"));
    w.wish.onto = "*.so.0";
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_string_equal(w.plan->host, "/host/libtcl8.6.so.0");
    w.wish.onto = "/host/libtcl8.6.so";
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_string_equal(w.plan->host, "/host/libtcl8.6.so");
    w.wish.onto = "*tcl*";
    assert_int_equal(load_world_fails(&w), -GRAFT_EAMBIG);
    w.wish.onto = "*ruby*";
    assert_int_equal(load_world_fails(&w), -GRAFT_ENOHOST);
    load_world_free(&w);
}

/* The program copied the datum out of the host's library: that one is it (TRAPS 24). */
static void what_the_program_copied_is_the_programs(void **state)
{
    const struct build program = { .needed = { "libtcl8.6.so" },
        .symbols = { { "rt_datum", 0x2222, 4, 1, STT_OBJECT, STB_GLOBAL, STV_DEFAULT, 0 } },
        .rela = { { 0, "rt_datum", R_X86_64_COPY, 0 } }, .rela_count = 1 };
    const struct build host = { .soname = "libtcl8.6.so", .symbols = { TCL,
        { "rt_datum", 0x3333, 4, 1, STT_OBJECT, STB_GLOBAL, STV_DEFAULT, 0 } } };
    const struct build user = { .symbols = { { "rt_datum", 0, 0, 0, STT_OBJECT, STB_GLOBAL, STV_DEFAULT, 0 } },
        .rela = { { 0, "rt_datum", R_X86_64_GLOB_DAT, 0 } }, .rela_count = 1 };
    struct load_world w;
    (void)state;
    load_world_init(&w);
    w.here.main = load_world_here(&w, "/bin/copies", &program);
    built_put(&w.built[w.count - 1], w.built[w.count - 1].rela, 8, 0x2222);     /* it fills the symbol, no slot */
    load_world_here(&w, "/host/libtcl8.6.so", &host);
    load_world_coming(&w, "/lib/consumer.so", &user);
    load_world_needs(&w, 0, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &host));
    w.request.live = true;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_symbol(&w, "rt_datum")->source, GRAFT_SOURCE_HOST);
    assert_int_equal(load_world_symbol(&w, "rt_datum")->address, 0x2222);
    load_world_free(&w);
}

/* A plugin that is linked to one of them means that one. */
static void the_callers_own_runtime_is_its_host(void **state)
{
    const struct build plugin = { .soname = "plugin.so", .needed = { "libtcl8.6.so.copy" }, .symbols = { FUNCTION("load") } };
    struct load_world w;
    (void)state;
    two_hosts(&w);
    size_t caller = load_world_here(&w, "/lib/plugin.so", &plugin);
    struct world_object *object = world_object(&w.here, caller);
    for (size_t i = 0; i < w.here.objects.count; i++)           /* addresses that do not overlap */
        world_object(&w.here, i)->image.bias = 0x100000 * (i + 1);
    w.request.caller = world_start(object) + 0x10;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_string_equal(w.plan->host, "/host/libtcl8.6.so.0");
    load_world_free(&w);
}

static void what_is_no_known_runtime_is_named_by_hand(void **state)
{
    const struct build lib = { .soname = "libown.so.1", .symbols = { FUNCTION("rt_call") } };
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_here(&w, "/host/libown.so", &lib);
    load_world_coming(&w, "/lib/consumer.so", &asks);
    load_world_needs(&w, 0, "libown.so.2", load_world_coming(&w, "/lib/libown.so.2", &lib));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    w.wish.from = "libown.so.2";
    w.wish.onto = "/host/libown.so";
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_object(&w, "libown.so.2")->fate, GRAFT_FATE_DUPLICATE);
    assert_null(load_world_object(&w, "libown.so.2")->runtime);
    w.wish.from = "libother*";
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    load_world_free(&w);
}

static void a_glob_keeps_other_runtimes_out_of_it(void **state)
{
    struct load_world w;
    (void)state;
    with_a_host(&w, &asks);
    load_world_needs(&w, 0, "libtcl8.6.so.2", load_world_coming(&w, "/lib/libtcl8.6.so.2", &runtime));
    w.wish.from = "*python*";
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    w.wish.from = "*tcl*";
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    load_world_free(&w);
}

/* A namespace of its own has its own hosts. */
static void only_what_is_in_the_namespace_serves_a_need(void **state)
{
    struct load_world w;
    (void)state;
    with_a_host(&w, &asks);
    load_world_needs(&w, 0, "libtcl8.6.so", load_world_coming(&w, "/lib/libtcl8.6.so.2", &runtime));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    assert_int_equal(load_world_object(&w, "libtcl8.6.so")->fate, GRAFT_FATE_HOST);
    world_object(&w.here, 1)->space = 1;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_object(&w, "libtcl8.6.so")->fate, GRAFT_FATE_DUPLICATE);
    load_world_free(&w);
}

/* ---- the runtime's own library ----------------------------------------------------------------- */

static void the_copy_itself_is_answered_by_a_stand_in_with_all_that_the_host_has(void **state)
{
    struct load_world w;
    (void)state;
    with_a_host(&w, &copy);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_object(&w, "/lib/consumer.so")->fate, GRAFT_FATE_DUPLICATE);
    const struct load_stand_in *s = arena_list_at(&w.plan->stand_ins, 0);
    assert_string_equal(s->soname, "libtcl8.6.so.copy");
    assert_int_equal(s->symbol_count, 3);
    load_world_free(&w);
}

/* Names that mean the same in all versions of node are bound across versions. */
static void stable_names_are_bound_whatever_the_version(void **state)
{
    const struct build host = { .soname = "host", .symbols = { NODE, FUNCTION("v8_private"),
        { "_ZN4node11per_process8metadataE", 0, 32, 1, STT_OBJECT, STB_GLOBAL, STV_DEFAULT, 0 } } };
    const struct build libnode = { .soname = "libnode.so.108", .symbols = { NODE, FUNCTION("v8_private") } };
    const struct build addons[] = { { .soname = "x.node", .symbols = { WANTED("napi_create_function") }, CALLS("napi_create_function") },
                                    { .soname = "x.node", .symbols = { WANTED("v8_private") }, CALLS("v8_private") } };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct load_world w;
        load_world_init(&w);
        size_t at = load_world_here(&w, "/bin/node", &host), second;
        struct built *built = &w.built[w.count - 1];
        size_t text = built->slots;                     /* a std::string "20.1.0" in its own buffer */
        built_put(built, text, 8, text + 16);
        built_put(built, text + 8, 8, 6);
        memcpy(built->bytes + text + 16, "20.1.0", 6);
        for (size_t k = 0; k < built->symbol_count; k++)
            if (!strcmp((char *)built->bytes + built->strings + built_get(built, built->symbols + 24 * k, 4),
                        "_ZN4node11per_process8metadataE"))
                built_put(built, built->symbols + 24 * k + 8, 8, text);
        (void)at;
        load_world_coming(&w, "/lib/x.node", &addons[i]);
        second = load_world_coming(&w, "/lib/libnode.so.108", &libnode);
        load_world_needs(&w, 0, "libnode.so.108", second);
        assert_int_equal(load_world_plan(&w), i ? GRAFT_WAY_REFUSE : GRAFT_WAY_PROVIDER);
        load_world_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_behind_another_library_is_found),
        cmocka_unit_test(what_only_the_copy_needs_is_no_news),
        cmocka_unit_test(libraries_that_need_each_other_end),
        cmocka_unit_test(a_copy_that_is_not_there_gets_a_stand_in_of_its_name),
        cmocka_unit_test(another_library_that_is_not_there_cannot_be_stood_in_for),
        cmocka_unit_test(a_file_that_is_no_library_is_told_as_such),
        cmocka_unit_test(a_library_that_the_host_holds_too_is_left_out_with_the_copy),
        cmocka_unit_test(several_hosts_have_to_be_told_apart),
        cmocka_unit_test(what_the_program_copied_is_the_programs),
        cmocka_unit_test(the_callers_own_runtime_is_its_host),
        cmocka_unit_test(what_is_no_known_runtime_is_named_by_hand),
        cmocka_unit_test(a_glob_keeps_other_runtimes_out_of_it),
        cmocka_unit_test(only_what_is_in_the_namespace_serves_a_need),
        cmocka_unit_test(the_copy_itself_is_answered_by_a_stand_in_with_all_that_the_host_has),
        cmocka_unit_test(stable_names_are_bound_whatever_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
