/* SPDX-License-Identifier: MIT */
/* plan_load as a pure function, over hand-made worlds: which way, each object's fate,
 * each name's binding. */

#include "load_world.h"
#include "process.h"

#include <elf.h>
#include <string.h>

#include "base/text.h"

#define FUNCTION(n, ver) { n, 0x1000, 8, 1, STT_FUNC, STB_GLOBAL, STV_DEFAULT, ver }
#define DATUM(n, ver)    { n, 0x2000, 8, 1, STT_OBJECT, STB_GLOBAL, STV_DEFAULT, ver }
#define WANTED(n, ver)   { n, 0, 0, 0, STT_NOTYPE, STB_GLOBAL, STV_DEFAULT, ver }
#define ANCHORS FUNCTION("Tcl_CreateInterp", 0), FUNCTION("Tcl_EvalEx", 0)

/* A runtime that passes for Tcl, whose version stands in its SONAME. */
#define RUNTIME(name, ...) { .soname = (name), .symbols = { ANCHORS, __VA_ARGS__ } }
static const struct build runtime = RUNTIME("libtcl8.6.so", FUNCTION("rt_call", 0), DATUM("rt_datum", 0));
static const struct build bare_runtime = RUNTIME("libtcl8.6.so", FUNCTION("rt_other", 0));
static const struct build newer_runtime = RUNTIME("libtcl9.0.so", FUNCTION("rt_call", 0), DATUM("rt_datum", 0));

static const struct build consumer = { .soname = "consumer.so", .needed = { "libtcl8.6.so" },
    .symbols = { WANTED("rt_call", 0), WANTED("rt_datum", 0) },
    .plt = { { 0, "rt_call", R_X86_64_JUMP_SLOT, 0 } }, .plt_count = 1,
    .rela = { { 1, "rt_datum", R_X86_64_GLOB_DAT, 0 } }, .rela_count = 1 };

/* The host is here, its copy would come with the consumer. */
static void usual(struct load_world *w)
{
    load_world_init(w);
    load_world_here(w, "/host/libtcl8.6.so.host", &runtime);
    load_world_coming(w, "/lib/consumer.so", &consumer);
    /* the host's SONAME is not the copy's name, or it would serve the need as it is */
    load_world_needs(w, 0, "libtcl8.6.so.copy", load_world_coming(w, "/lib/libtcl8.6.so.copy", &runtime));
}

static void set_unlinked(struct load_world *w, const struct build *host)
{
    load_world_init(w);
    if (host)
        load_world_here(w, "/host/libtcl8.6.so", host);
    load_world_coming(w, "/lib/consumer.so", &consumer);
}

/* ---- ways ----------------------------------------------------------------------------- */

static void a_copy_that_the_host_serves_wholly_is_stood_in_for(void **state)
{
    struct load_world w;
    (void)state;
    usual(&w);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_object(&w, "/lib/consumer.so")->fate, GRAFT_FATE_COMES);
    assert_null(load_world_object(&w, "/lib/consumer.so")->needed_by);
    const struct graft_load_object *copy = load_world_object(&w, "libtcl8.6.so.copy");
    assert_int_equal(copy->fate, GRAFT_FATE_DUPLICATE);
    assert_string_equal(copy->runtime, "tcl");
    assert_string_equal(copy->version, "8.6");
    assert_string_equal(copy->host, "/host/libtcl8.6.so.host");
    assert_string_equal(copy->needed_by, "/lib/consumer.so");
    assert_false(copy->opened);
    assert_int_equal(load_world_symbol(&w, "rt_call")->binding, GRAFT_BINDING_BOUND);
    assert_int_equal(load_world_symbol(&w, "rt_datum")->source, GRAFT_SOURCE_DYNSYM);
    assert_string_equal(load_world_symbol(&w, "rt_call")->without, "/lib/libtcl8.6.so.copy");
    assert_int_equal(load_world_symbol(&w, "rt_call")->address, 0);     /* nothing runs here */
    load_world_free(&w);
}

static void a_need_that_the_host_itself_answers_is_none(void **state)
{
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_here(&w, "/host/libtcl8.6.so", &runtime);
    load_world_coming(&w, "/lib/consumer.so", &consumer);
    load_world_needs(&w, 0, "libtcl8.6.so", WORLD_NONE);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    assert_int_equal(load_world_object(&w, "libtcl8.6.so")->fate, GRAFT_FATE_HOST);
    load_world_free(&w);
}

static void without_a_host_nothing_is_done(void **state)
{
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_coming(&w, "/lib/consumer.so", &consumer);
    load_world_needs(&w, 0, "libtcl8.6.so", load_world_coming(&w, "/lib/libtcl8.6.so", &runtime));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    assert_int_equal(load_world_object(&w, "libtcl8.6.so")->fate, GRAFT_FATE_COMES);
    load_world_free(&w);
}

static void an_unlinked_consumer_promotes_the_host_or_binds_as_it_is(void **state)
{
    struct load_world w;
    (void)state;
    set_unlinked(&w, &runtime);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROMOTE);
    assert_string_equal(w.plan->promote, "/host/libtcl8.6.so");
    assert_null(load_world_symbol(&w, "rt_call")->without);
    w.wish.ways = GRAFT_WAY_BIT(GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    w.wish.ways = GRAFT_WAY_BIT(GRAFT_WAY_REBIND);      /* there is nothing to load and rebind */
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    load_world_free(&w);
}

static void what_nobody_defines_refuses_the_load_by_name(void **state)
{
    struct load_world w;
    struct graft_error error = { 0 };
    (void)state;
    set_unlinked(&w, NULL);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    assert_int_equal(load_world_symbol(&w, "rt_call")->binding, GRAFT_BINDING_MISSING);
    assert_non_null(load_world_symbol(&w, "rt_call")->reason);
    assert_non_null(strstr(graft_load_plan_reason(w.plan), "rt_datum"));
    assert_int_equal(load_plan_refusal(w.plan, &error), -GRAFT_EREFUSED);
    assert_string_equal(error.object, "/lib/consumer.so");
    assert_true(!strcmp(error.symbol, "rt_call") || !strcmp(error.symbol, "rt_datum"));
    load_world_free(&w);
}

/* dlopen(RTLD_LAZY) succeeds where only functions are missing, and so must graft. */
static void lazily_missing_functions_do_no_harm_and_data_do(void **state)
{
    struct load_world w;
    struct build functions = consumer;
    (void)state;
    set_unlinked(&w, NULL);
    w.request.now = false;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    load_world_free(&w);
    functions.rela_count = 0;
    for (int now = 0; now < 2; now++) {
        load_world_init(&w);
        load_world_coming(&w, "/lib/consumer.so", &functions);
        w.request.now = now;
        assert_int_equal(load_world_plan(&w), now ? GRAFT_WAY_REFUSE : GRAFT_WAY_NONE);
        load_world_free(&w);
    }
}

static void a_weak_reference_may_stay_undefined(void **state)
{
    struct load_world w;
    struct build weak = consumer;
    (void)state;
    weak.symbols[0].bind = weak.symbols[1].bind = STB_WEAK;
    load_world_init(&w);
    load_world_coming(&w, "/lib/consumer.so", &weak);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    load_world_free(&w);
}

static void names_that_no_relocation_uses_do_not_count(void **state)
{
    struct load_world w;
    struct build unused = consumer;
    (void)state;
    unused.plt_count = unused.rela_count = 0;
    load_world_init(&w);
    load_world_coming(&w, "/lib/consumer.so", &unused);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_NONE);
    load_world_free(&w);
}

static void the_way_may_be_forced_or_forbidden(void **state)
{
    static const struct { enum graft_way only, then; } forced[] = {
        { GRAFT_WAY_PROVIDER, GRAFT_WAY_PROVIDER }, { GRAFT_WAY_REBIND, GRAFT_WAY_REBIND },
        { GRAFT_WAY_PROMOTE, GRAFT_WAY_REFUSE }, { GRAFT_WAY_NONE, GRAFT_WAY_REFUSE } };
    struct load_world w;
    (void)state;
    usual(&w);
    for (size_t i = 0; i < sizeof forced / sizeof *forced; i++) {
        w.wish.ways = GRAFT_WAY_BIT(forced[i].only);
        assert_int_equal(load_world_plan(&w), forced[i].then);
        assert_int_equal(load_world_object(&w, "libtcl8.6.so.copy")->opened, forced[i].then == GRAFT_WAY_REBIND);
    }
    w.wish.ways = GRAFT_WAY_BIT(GRAFT_WAY_PROVIDER) | GRAFT_WAY_BIT(GRAFT_WAY_REBIND);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    load_world_free(&w);
}

static void its_own_runtime_is_a_wish_that_needs_no_host(void **state)
{
    struct load_world w;
    (void)state;
    usual(&w);
    w.wish.flags = GRAFT_OWN_RUNTIME;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_ISOLATE);
    assert_true(load_world_object(&w, "libtcl8.6.so.copy")->opened);
    load_world_free(&w);
}

/* ---- versions ------------------------------------------------------------------------------ */

static void another_version_is_refused_unless_any_will_do(void **state)
{
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_here(&w, "/host/libtcl8.6.so", &runtime);
    load_world_coming(&w, "/lib/consumer.so", &consumer);
    load_world_needs(&w, 0, "libtcl9.0.so", load_world_coming(&w, "/lib/libtcl9.0.so", &newer_runtime));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    assert_non_null(strstr(graft_load_plan_reason(w.plan), "9.0"));
    assert_non_null(strstr(graft_load_plan_reason(w.plan), "8.6"));
    assert_int_equal(load_world_symbol(&w, "rt_call")->binding, GRAFT_BINDING_NOT_CURABLE);
    assert_false(load_world_object(&w, "/lib/consumer.so")->opened);
    w.wish.flags = GRAFT_ANY_VERSION;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    load_world_free(&w);
}

/* Symbol versions: the host has V_1 only, the consumer asks for V_2. */
static void a_symbol_version_that_the_host_lacks_refuses(void **state)
{
    const struct build host = { .soname = "libtcl8.6.so", .symbols = { FUNCTION("Tcl_CreateInterp", 2), FUNCTION("Tcl_EvalEx", 2),
        FUNCTION("rt_call", 2) }, .versions = { { NULL, "V_1", 2 } } };
    const struct build copy = { .soname = "libtcl8.6.so.copy", .symbols = { FUNCTION("Tcl_CreateInterp", 2),
        FUNCTION("Tcl_EvalEx", 2), FUNCTION("rt_call", 3) }, .versions = { { NULL, "V_1", 2 }, { NULL, "V_2", 3 } } };
    const struct build asks = { .soname = "consumer.so", .needed = { "libtcl8.6.so.copy" }, .symbols = { WANTED("rt_call", 2) },
        .versions = { { "libtcl8.6.so.copy", "V_2", 2 } }, .plt = { { 0, "rt_call", R_X86_64_JUMP_SLOT, 0 } }, .plt_count = 1 };
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_here(&w, "/host/libtcl8.6.so", &host);
    load_world_coming(&w, "/lib/consumer.so", &asks);
    load_world_needs(&w, 0, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &copy));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    assert_int_not_equal(load_world_symbol(&w, "rt_call")->binding, GRAFT_BINDING_BOUND);
    assert_string_equal(load_world_symbol(&w, "rt_call")->version, "V_2");
    w.wish.flags = GRAFT_ANY_VERSION;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    const struct load_stand_in *s = arena_list_at(&w.plan->stand_ins, 0);
    assert_int_equal(s->version_count, 2);              /* all that the copy defines */
    assert_string_equal(s->symbols[0].version, "V_2");
    load_world_free(&w);
}

/* ---- what a host cannot serve ----------------------------------------------------------------- */

static void names_that_the_host_lacks_refuse_unless_some_will_do(void **state)
{
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_here(&w, "/host/libtcl8.6.so", &bare_runtime);
    load_world_coming(&w, "/lib/consumer.so", &consumer);
    load_world_needs(&w, 0, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &runtime));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    assert_int_equal(load_world_symbol(&w, "rt_call")->binding, GRAFT_BINDING_MISSING);
    assert_true(w.plan->unlocated > 0);
    w.wish.flags = GRAFT_PARTIAL;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REBIND);
    load_world_free(&w);
}

static void a_table_fills_what_the_host_hides(void **state)
{
    static const struct load_given given[] = { { "rt_call", NULL, 0x5000, 4, STT_FUNC, GRAFT_SOURCE_TABLE },
                                               { "rt_datum", NULL, 0x6000, 4, STT_OBJECT, GRAFT_SOURCE_SYMTAB } };
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_here(&w, "/host/libtcl8.6.so", &bare_runtime);
    load_world_coming(&w, "/lib/consumer.so", &consumer);
    load_world_needs(&w, 0, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &runtime));
    w.request.given = given;
    w.request.given_count = 2;
    w.request.live = true;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_symbol(&w, "rt_call")->source, GRAFT_SOURCE_TABLE);
    assert_int_equal(load_world_symbol(&w, "rt_call")->address, 0x5000);
    assert_int_equal(load_world_symbol(&w, "rt_datum")->source, GRAFT_SOURCE_SYMTAB);
    w.wish.ways = GRAFT_WAY_BIT(GRAFT_WAY_REBIND);      /* slots want what the host shows */
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    load_world_free(&w);
}

static void a_datum_cannot_stand_for_a_function(void **state)
{
    const struct build clash = RUNTIME("libtcl8.6.so", DATUM("rt_call", 0), DATUM("rt_datum", 0));
    struct load_world w;
    (void)state;
    load_world_init(&w);
    load_world_here(&w, "/host/libtcl8.6.so", &clash);
    load_world_coming(&w, "/lib/consumer.so", &consumer);
    load_world_needs(&w, 0, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &runtime));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    assert_int_equal(load_world_symbol(&w, "rt_call")->binding, GRAFT_BINDING_NOT_CURABLE);
    assert_int_equal(load_world_symbol(&w, "rt_datum")->binding, GRAFT_BINDING_BOUND);
    load_world_free(&w);
}

static void set_tls(struct load_world *w, uint32_t type)
{
    const struct build tls = RUNTIME("libtcl8.6.so", { "rt_tls", 8, 8, 1, STT_TLS, STB_GLOBAL, STV_DEFAULT, 0 });
    const struct build asks = { .soname = "consumer.so", .needed = { "libtcl8.6.so.copy" },
        .symbols = { { "rt_tls", 0, 0, 0, STT_TLS, STB_GLOBAL, STV_DEFAULT, 0 } }, .rela = { { 0, "rt_tls", type, 0 } },
        .rela_count = 1 };
    load_world_init(w);
    load_world_here(w, "/host/libtcl8.6.so", &tls);
    load_world_coming(w, "/lib/consumer.so", &asks);
    load_world_needs(w, 0, "libtcl8.6.so.copy", load_world_coming(w, "/lib/libtcl8.6.so.copy", &tls));
}

static void thread_local_names_want_slots_and_direct_ones_cannot_be_bound(void **state)
{
    struct load_world w;
    (void)state;
    set_tls(&w, R_X86_64_DTPMOD64);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REBIND);
    w.wish.ways = GRAFT_WAY_BIT(GRAFT_WAY_PROVIDER);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    load_world_free(&w);
    set_tls(&w, R_X86_64_TPOFF64);
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REFUSE);
    assert_int_equal(load_world_symbol(&w, "rt_tls")->binding, GRAFT_BINDING_NOT_CURABLE);
    load_world_free(&w);
}

/* A third object that is visible to all would serve it first: only slots help, or DEEPBIND. */
static void a_name_that_another_captures_wants_slots_unless_deepbound(void **state)
{
    const struct build captor = { .soname = "libcaptor.so", .symbols = { FUNCTION("rt_call", 0) } };
    const struct build program = { .needed = { "libcaptor.so" }, .symbols = { FUNCTION("main", 0) } };
    struct load_world w;
    (void)state;
    load_world_init(&w);
    w.here.main = load_world_here(&w, "/bin/other", &program);
    load_world_here(&w, "/lib/libcaptor.so", &captor);
    load_world_here(&w, "/host/libtcl8.6.so.host", &runtime);
    load_world_coming(&w, "/lib/consumer.so", &consumer);
    load_world_needs(&w, 0, "libtcl8.6.so.copy", load_world_coming(&w, "/lib/libtcl8.6.so.copy", &runtime));
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_REBIND);
    assert_int_equal(load_world_symbol(&w, "rt_call")->binding, GRAFT_BINDING_WRONG_COPY);
    assert_string_equal(load_world_symbol(&w, "rt_call")->without, "/lib/libcaptor.so");
    assert_int_equal(load_world_symbol(&w, "rt_datum")->binding, GRAFT_BINDING_BOUND);
    w.request.deepbind = true;
    assert_int_equal(load_world_plan(&w), GRAFT_WAY_PROVIDER);
    load_world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_that_the_host_serves_wholly_is_stood_in_for),
        cmocka_unit_test(a_need_that_the_host_itself_answers_is_none),
        cmocka_unit_test(without_a_host_nothing_is_done),
        cmocka_unit_test(an_unlinked_consumer_promotes_the_host_or_binds_as_it_is),
        cmocka_unit_test(what_nobody_defines_refuses_the_load_by_name),
        cmocka_unit_test(lazily_missing_functions_do_no_harm_and_data_do),
        cmocka_unit_test(a_weak_reference_may_stay_undefined),
        cmocka_unit_test(names_that_no_relocation_uses_do_not_count),
        cmocka_unit_test(the_way_may_be_forced_or_forbidden),
        cmocka_unit_test(its_own_runtime_is_a_wish_that_needs_no_host),
        cmocka_unit_test(another_version_is_refused_unless_any_will_do),
        cmocka_unit_test(a_symbol_version_that_the_host_lacks_refuses),
        cmocka_unit_test(names_that_the_host_lacks_refuse_unless_some_will_do),
        cmocka_unit_test(a_table_fills_what_the_host_hides),
        cmocka_unit_test(a_datum_cannot_stand_for_a_function),
        cmocka_unit_test(thread_local_names_want_slots_and_direct_ones_cannot_be_bound),
        cmocka_unit_test(a_name_that_another_captures_wants_slots_unless_deepbound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
