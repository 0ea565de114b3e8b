/* SPDX-License-Identifier: MIT */
/* dlsym and dlvsym: where they look, and which of several they take. */
#include "conformance.h"

void case_symbol_breadth_first(void)
{
    void *handle = open_module("libbfs_root.so", RTLD_NOW);
    if (handle)
        say("  where: %d, only deep: %d\n", call(handle, "bfs_where"), call(handle, "bfs_ll_only"));
}

void case_symbol_dependency(void)
{
    void *handle = open_module("libbfs_root.so", RTLD_NOW), *left = open_module("libbfs_l.so", RTLD_NOW);
    if (!handle || !left)
        return;
    say("  left's where: %d\n", call(left, "bfs_where"));
    say("  not a parent's: %d\n", dlsym(left, "bfs_root_only") != NULL);
    say_error();
    say("  not main's: %d\n", dlsym(left, "main_value") != NULL);
    say_error();
    say("  libc's, by dependency: %d\n", dlsym(left, "strlen") != NULL);
}

void case_symbol_default(void)
{
    say("  main's: %d\n", dlsym(RTLD_DEFAULT, "main_value") == (void *)main_value);
    say("  libc's: %d\n", dlsym(RTLD_DEFAULT, "malloc") != NULL);
    open_module("libdeep.so", RTLD_NOW | RTLD_GLOBAL);
    say("  main's before a global module's: %d\n", call(RTLD_DEFAULT, "shared_name"));
    open_module("libbfs_ll.so", RTLD_NOW | RTLD_GLOBAL);
    open_module("libbfs_r.so", RTLD_NOW | RTLD_GLOBAL);
    say("  in the order of opening: %d\n", call(RTLD_DEFAULT, "bfs_where"));
}

void case_symbol_next(void)
{
    open_module("libdeep.so", RTLD_NOW | RTLD_GLOBAL);
    say("  past main: %d\n", dlsym(RTLD_NEXT, "main_value") != NULL);
    say_error();
    say("  libc's strlen: %d\n", dlsym(RTLD_NEXT, "strlen") != NULL);
}

void case_symbol_module_default(void)
{
    void *handle = open_module("libnext.so", RTLD_NOW);
    if (!handle)
        return;
    call(handle, "next_default");
}

void case_symbol_module_next(void)
{
    void *handle = open_module("libnext.so", RTLD_NOW);
    if (!handle)
        return;
    call(handle, "next_next");
}

static void by_version(void *handle, const char *name, const char *version)
{
    int (*function)(void) = (int (*)(void))dlvsym(handle, name, version);
    say("  %s of %s: %d\n", name, version, function ? function() : -1);
    if (!function)
        say_error();
}

void case_symbol_version(void)
{
    void *handle = open_module("libversion.so", RTLD_NOW);
    if (!handle)
        return;
    say("  dlsym: %d\n", call(handle, "versioned"));
    by_version(handle, "versioned", "VER_1");
    by_version(handle, "versioned", "VER_2");
    by_version(handle, "versioned", "VER_3");
    by_version(handle, "only_new", "VER_1");
    by_version(handle, "only_new", "VER_2");
    say("  only an old one: %d\n", call(handle, "only_old"));
    by_version(handle, "only_old", "VER_1");
    say("  local: %d\n", dlsym(handle, "version_one") != NULL);
    say_error();
}

void case_symbol_unversioned(void)
{
    void *handle = open_module("libstate.so", RTLD_NOW);
    if (!handle)
        return;
    say("  found by a version: %d\n", dlvsym(handle, "state_print", "ANY_1") != NULL);
    say_error();
    handle = open_module("libbare.so", RTLD_NOW);
    if (handle)
        by_version(handle, "bare", "ANY_1");
    open_module("libversion.so", RTLD_NOW | RTLD_GLOBAL);
    say("  in RTLD_DEFAULT:\n");
    by_version(RTLD_DEFAULT, "versioned", "VER_1");
    by_version(RTLD_DEFAULT, "versioned", "VER_2");
}

void case_symbol_old_caller(void)
{
    void *handle = open_module("libversion_use.so", RTLD_NOW);
    if (handle)
        say("  old %d, new %d\n", call(handle, "use_old"), call(handle, "use_new"));
}

void case_symbol_ifunc(void)
{
    void *handle = open_module("libifunc.so", RTLD_NOW), *user = open_module("libifunc_use.so", RTLD_NOW);
    if (!handle || !user)
        return;
    say("  called: %d, by a module: %d, by its table: %d\n", call(handle, "chosen"), call(user, "use_chosen"),
        call(user, "use_chosen_table"));
    say("  one address: %d\n", dlsym(handle, "chosen") == ((void *(*)(void))get(user, "chosen_address"))());
    say("  resolved often: %d\n", *(int *)get(handle, "resolver_ran") > 0);
}

void case_symbol_visibility(void)
{
    void *handle = open_module("libvisibility.so", RTLD_NOW);
    if (!handle)
        return;
    say("  protected %d, by dlsym %d\n", call(handle, "call_protected"), call(handle, "vis_protected"));
    say("  hidden %d\n", call(handle, "call_hidden"));
    say("  hidden by dlsym %d\n", dlsym(handle, "vis_hidden") != NULL);
    say_error();
    say("  static by dlsym %d\n", dlsym(handle, "vis_static") != NULL);
    say_error();
    say("  absolute %d\n", (int)(intptr_t)get(handle, "vis_absolute"));
}

void case_symbol_sysv_hash(void)
{
    void *handle = open_module("libsysv.so", RTLD_NOW);
    if (!handle)
        return;
    say("  %d %d %d\n", call(handle, "sysv_a"), call(handle, "sysv_b"), call(handle, "sysv_c"));
    say("  nothing: %d\n", dlsym(handle, "sysv_d") != NULL);
    say_error();
}

void case_symbol_symbolic(void)
{
    void *handle = open_module("libsymbolic.so", RTLD_NOW);
    if (handle)
        say("  its own call %d, by dlsym %d\n", call(handle, "call_shared"), call(handle, "shared_name"));
}

void case_symbol_null_value(void)
{
    void *handle = open_module("libvisibility.so", RTLD_NOW);
    if (!handle)
        return;
    dlerror();
    say("  null: %d\n", dlsym(handle, "vis_null") == NULL);
    say_error();
}

void case_symbol_interposed(void)
{
    void *handle = open_module("libdeep.so", RTLD_NOW);
    if (handle)
        say("  its call reaches %d, dlsym gives %d\n", call(handle, "call_shared"), call(handle, "shared_name"));
}

/* ld.so lets the caller depend on what dlsym has found for it. */
void case_symbol_default_holds(void)
{
    void *handle = open_module("libglobal_def.so", RTLD_NOW | RTLD_GLOBAL);
    if (!handle)
        return;
    say("  found: %d\n", dlsym(RTLD_DEFAULT, "global_value") != NULL);
    say_close(handle);
    say("  loaded: %d\n", is_loaded("libglobal_def.so"));
}
