/* SPDX-License-Identifier: MIT */
/* dlopen: references, modes, scopes, names, what is not defined. */
#include "conformance.h"

void case_open_count(void)
{
    void *handle = open_module("libstate.so", RTLD_NOW), *again = open_module("libstate.so", RTLD_LAZY);
    if (!handle)
        return;
    say("  the same handle: %d\n", handle == again);
    call(handle, "state_change");
    say_close(handle);
    say("  loaded: %d\n", is_loaded("libstate.so"));
    call(again, "state_print");
    say_close(again);
    say("  loaded: %d\n", is_loaded("libstate.so"));
}

void case_open_fresh(void)
{
    for (int i = 0; i < 3; i++) {
        void *handle = open_module("libstate.so", RTLD_NOW);
        if (!handle)
            return;
        call(handle, "state_print");
        call(handle, "state_change");
        call(handle, "state_print");
        say_close(handle);
    }
}

void case_open_modes(void)
{
    static const struct {
        const char *name;
        int mode;
    } modes[] = {
        { "0", 0 }, { "LAZY", RTLD_LAZY }, { "NOW", RTLD_NOW }, { "LAZY|NOW", RTLD_LAZY | RTLD_NOW },
        { "GLOBAL", RTLD_GLOBAL }, { "NOW|GLOBAL", RTLD_NOW | RTLD_GLOBAL }, { "NOLOAD", RTLD_NOLOAD },
        { "LAZY|NODELETE", RTLD_LAZY | RTLD_NODELETE },
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        void *handle = dlopen(path_of("libsysv.so"), modes[i].mode);
        say("  %s: %d\n", modes[i].name, handle != NULL);
        if (handle)
            say_close(handle);
        else
            say_error();
    }
}

void case_open_noload(void)
{
    void *handle = dlopen(path_of("liborder_d.so"), RTLD_NOW | RTLD_NOLOAD);
    say("  before: %d\n", handle != NULL);
    say_error();
    void *first = open_module("liborder_d.so", RTLD_NOW);
    handle = dlopen(path_of("liborder_d.so"), RTLD_NOW | RTLD_NOLOAD);
    say("  while: %d\n", handle == first && handle);
    if (!handle)
        return;
    say_close(first);
    say("  a reference is left\n");
    say_close(handle);
    say("  after: %d\n", is_loaded("liborder_d.so"));
    handle = dlopen(path_of("nowhere.so"), RTLD_NOW | RTLD_NOLOAD);
    say("  no such file: %d\n", handle != NULL);
    say_error();
}

static void keeps(const char *module, int mode)
{
    void *handle = open_module(module, RTLD_NOW | mode);
    if (!handle)
        return;
    say("  bump: %d\n", call(handle, "bump"));
    say_close(handle);
    say("  loaded: %d\n", is_loaded(module));
    handle = open_module(module, RTLD_NOW);
    say("  bump: %d\n", call(handle, "bump"));
    say_close(handle);
}

void case_open_nodelete(void) { keeps("libnodelete.so", 0); }
void case_open_flag_nodelete(void) { keeps("libdelete.so", RTLD_NODELETE); }

void case_open_local(void)
{
    open_module("libglobal_def.so", RTLD_NOW | RTLD_LOCAL);
    say("  in RTLD_DEFAULT: %d\n", dlsym(RTLD_DEFAULT, "global_value") != NULL);
    say_error();
    say("  user: %d\n", dlopen(path_of("libglobal_use.so"), RTLD_NOW) != NULL);
    say_error();
}

void case_open_global(void)
{
    void *handle = open_module("libglobal_def.so", RTLD_NOW | RTLD_GLOBAL);
    void *user = open_module("libglobal_use.so", RTLD_NOW);
    if (!user)
        return;
    say("  user: %d\n", call(user, "global_use"));
    say_close(handle);
    say("  still loaded: %d\n", is_loaded("libglobal_def.so"));
    say_close(user);
    say("  loaded: %d\n", is_loaded("libglobal_def.so"));
    say("  in RTLD_DEFAULT: %d\n", dlsym(RTLD_DEFAULT, "global_value") != NULL);
}

void case_open_promote(void)
{
    void *handle = open_module("libbfs_root.so", RTLD_NOW);
    say("  in RTLD_DEFAULT: %d\n", dlsym(RTLD_DEFAULT, "bfs_ll_only") != NULL);
    void *again = dlopen(path_of("libbfs_root.so"), RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
    say("  the same: %d\n", handle == again);
    say("  in RTLD_DEFAULT: %d\n", dlsym(RTLD_DEFAULT, "bfs_ll_only") != NULL);
    if (!handle || !again)
        return;
    say("  where: %d\n", call(RTLD_DEFAULT, "bfs_where"));
    say_close(again);
    say("  stays global: %d\n", dlsym(RTLD_DEFAULT, "bfs_ll_only") != NULL);
}

void case_open_deepbind(void)
{
    void *handle = open_module("libdeep.so", RTLD_NOW | RTLD_DEEPBIND);
    if (!handle)
        return;
    say("  deep calls %d, dlsym gives %d\n", call(handle, "call_shared"), call(handle, "shared_name"));
}

void case_open_null(void)
{
    void *self = dlopen(NULL, RTLD_NOW), *again = dlopen("", RTLD_LAZY);
    say("  handle: %d, the same for an empty name: %d\n", self != NULL, self == again);
    say("  main_value: %d\n", call(self, "main_value"));
    int *data = get(self, "main_data");
    say("  main_data: %d\n", data == &main_data);
    say("  a module's name: %d\n", dlsym(self, "global_value") != NULL);
    say_error();
    open_module("libglobal_def.so", RTLD_NOW | RTLD_GLOBAL);
    say("  a global module's name: %d\n", dlsym(self, "global_value") != NULL);
    say_close(self);
    say_close(self);
    say("  main_value: %d\n", call(self, "main_value"));
}

void case_open_names(void)
{
    void *by_name = dlopen("libstate.so", RTLD_NOW);
    if (!by_name)
        say_error();
    void *by_path = open_module("libstate.so", RTLD_NOW);
    say("  by name and by path: %d\n", by_name == by_path && by_path);
    char path[4200];
    snprintf(path, sizeof path, "%s/../mods/./libstate.so", path_of(""));
    void *by_detour = dlopen(path, RTLD_NOW);
    say("  by a detour: %d\n", by_detour == by_path && by_path);
    void *by_soname = dlopen("libsoname.so.3", RTLD_NOW);
    void *by_file = open_module("libsoname_file.so", RTLD_NOW);
    void *late_soname = dlopen("libsoname.so.3", RTLD_NOW);
    say("  by soname: before %d, after %d\n", by_soname != NULL, late_soname == by_file && by_file);
}

void case_open_undefined_now(void)
{
    say("  opened: %d\n", dlopen(path_of("libundefined.so"), RTLD_NOW) != NULL);
    say_error();
    say("  loaded: %d\n", is_loaded("libundefined.so"));
}

void case_open_undefined_lazy(void)
{
    void *handle = open_module("libundefined.so", RTLD_LAZY);
    if (!handle)
        return;
    say("  what needs nothing: %d\n", call(handle, "undefined_not"));
    say("  now, again: %d\n", dlopen(path_of("libundefined.so"), RTLD_NOW) != NULL);
    say_error();
    say_close(handle);
}

void case_open_undefined_called(void)
{
    void *handle = open_module("libundefined.so", RTLD_LAZY);
    if (!handle)
        return;
    if (freopen("/dev/null", "w", stderr))      /* what ld.so says before it ends the process */
        say("  returned %d\n", call(handle, "undefined_call"));
}

void case_open_undefined_data(void)
{
    say("  opened: %d\n", dlopen(path_of("libundefined_data.so"), RTLD_LAZY) != NULL);
    say_error();
}

void case_open_weak(void)
{
    void *handle = open_module("libweak.so", RTLD_NOW);
    if (handle)
        say("  weak function %d, weak data %d, weak of main %d\n", call(handle, "weak_function"),
            call(handle, "weak_data"), call(handle, "weak_main"));
}

void case_open_pseudo(void)
{
    static const char *const names[] = { "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *handle = dlopen(names[i], RTLD_LAZY);
        say("  %s: %d\n", names[i], handle != NULL);
        if (!handle)
            say_error();
    }
    void *libc = dlopen("libc.so.6", RTLD_LAZY);
    if (!libc)
        return;
    size_t (*length)(const char *) = (size_t (*)(const char *))get(libc, "strlen");
    void *(*allocate)(size_t) = (void *(*)(size_t))get(libc, "malloc");
    void (*release)(void *) = (void (*)(void *))get(libc, "free");
    if (length)
        say("  strlen: %zu\n", length("four"));
    if (allocate && release) {
        char *block = allocate(16);
        strcpy(block, "allocated");
        say("  malloc: %s\n", block);
        release(block);
    }
    say("  main_value there: %d\n", dlsym(libc, "main_value") != NULL);
    say_close(libc);
}

void case_open_dependency_stays(void)
{
    void *d = open_module("liborder_d.so", RTLD_NOW), *a = open_module("liborder_a.so", RTLD_NOW);
    if (!d || !a)
        return;
    say("  close d\n");
    say_close(d);
    say("  loaded: %d\n", is_loaded("liborder_d.so"));
    say("  close a\n");
    say_close(a);
    say("  loaded: %d\n", is_loaded("liborder_d.so"));
}

void case_open_dependency_missing(void)
{
    say("  opened: %d\n", dlopen(path_of("liborphan.so"), RTLD_NOW) != NULL);
    say_error();
    say("  what it has besides: %d\n", is_loaded("liborder_d.so"));
}
