/* SPDX-License-Identifier: MIT */
/* Interpreters are recognised by what they define and say, in this process. Those
 * that are not installed are left out. */

#include "fixture.h"
#include "process.h"

#include <dlfcn.h>
#include <string.h>

static bool has(const struct graft_object *object, const char *tag, struct graft_runtime *runtime)
{
    for (size_t k = 0; k < object->runtime_count; k++)
        if (!strcmp(object->runtime[k].tag, tag)) {
            *runtime = object->runtime[k];
            return true;
        }
    return false;
}

/* What the object whose path holds @part says of @tag. */
static bool find(const char *part, const char *tag, struct graft_runtime *runtime)
{
    struct graft_objects *objects;
    bool found = false;
    assert_int_equal(graft_objects_snapshot(&objects, NULL), 0);
    for (size_t i = 0; i < graft_objects_count(objects) && !found; i++)
        found = strstr(graft_objects_get(objects, i)->path, part)
             && has(graft_objects_get(objects, i), tag, runtime);
    graft_objects_free(objects);
    return found;
}

static void *open_or_skip(const char *library)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        skip();
    return handle;
}

static void python_says_when_it_is_initialised(void **state)
{
    struct graft_runtime runtime;
    (void)state;
    void *handle = open_or_skip("libpython3.11.so.1.0");
    assert_true(find("libpython3.11", "python", &runtime));
    assert_int_equal(runtime.state, GRAFT_STATE_UNINITIALISED);
    assert_int_equal(strncmp(runtime.version, "3.11", 4), 0);
    ((void (*)(int))dlsym(handle, "Py_InitializeEx"))(0);
    assert_true(find("libpython3.11", "python", &runtime));
    assert_int_equal(runtime.state, GRAFT_STATE_INITIALISED);
    ((int (*)(void))dlsym(handle, "Py_FinalizeEx"))();
    assert_true(find("libpython3.11", "python", &runtime));
    assert_int_equal(runtime.state, GRAFT_STATE_UNINITIALISED);
}

static void lua_keeps_no_state(void **state)
{
    struct graft_runtime runtime;
    (void)state;
    open_or_skip("liblua5.4.so.0");
    assert_true(find("liblua5.4", "lua", &runtime));
    assert_int_equal(runtime.state, GRAFT_STATE_NONE);
    assert_int_equal(strncmp(runtime.version, "5.4", 3), 0);
}

static void two_copies_of_one_runtime_are_host_and_duplicate_or_neither(void **state)
{
    struct graft_runtime one, other;
    (void)state;
    open_or_skip("liblua5.4.so.0");
    open_or_skip("liblua5.4-c++.so.0");
    assert_true(find("liblua5.4.so", "lua", &one));
    if (find("liblua5.4-c++", "lua", &other))
        assert_true(!one.duplicate || !other.duplicate);
}

static void perl_tcl_and_ruby_are_told_apart(void **state)
{
    static const char *const libraries[][2] = { { "libperl.so.5.36", "perl" }, { "libtcl8.6.so", "tcl" },
                                                { "libruby-3.1.so.3.1", "ruby" } };
    size_t opened = 0;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct graft_runtime runtime;
        if (!dlopen(libraries[i][0], RTLD_NOW | RTLD_LOCAL))
            continue;
        opened++;
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(find(libraries[i][0], libraries[k][1], &runtime), i == k);
        assert_true(find(libraries[i][0], libraries[i][1], &runtime));
        assert_int_not_equal(runtime.state, GRAFT_STATE_INITIALISED);
    }
    if (!opened)
        skip();
}

static void the_fixtures_are_no_runtime(void **state)
{
    struct graft_runtime runtime;
    static const char *const tags[] = { "python", "node", "ruby", "lua", "perl", "tcl", "php", "java" };
    (void)state;
    fixture_provider("libfixhost.so", RTLD_LOCAL);
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        assert_false(find("/", tags[i], &runtime));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_says_when_it_is_initialised),
        cmocka_unit_test(lua_keeps_no_state),
        cmocka_unit_test(two_copies_of_one_runtime_are_host_and_duplicate_or_neither),
        cmocka_unit_test(perl_tcl_and_ruby_are_told_apart),
        cmocka_unit_test(the_fixtures_are_no_runtime),
    };
    return each_in_a_process(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
