/* SPDX-License-Identifier: MIT */
/* When constructors and destructors run. */
#include "conformance.h"

static void open_and_close(const char *module)
{
    say("  open\n");
    void *handle = open_module(module, RTLD_NOW);
    if (!handle)
        return;
    say("  close\n");
    say_close(handle);
}

void case_order_diamond(void) { open_and_close("liborder_a.so"); }
void case_order_chain(void) { open_and_close("libchain_1.so"); }

void case_order_cycle(void)
{
    open_and_close("libcycle_x.so");
    open_and_close("libcycle_y.so");
}

void case_order_shared_dependency(void)
{
    void *b = open_module("liborder_b.so", RTLD_NOW), *c = open_module("liborder_c.so", RTLD_NOW);
    if (!b || !c)
        return;
    say("  close b\n");
    say_close(b);
    say("  close c\n");
    say_close(c);
}

void case_order_exit(void)
{
    open_module("libchain_2.so", RTLD_NOW);
    open_module("liborder_a.so", RTLD_NOW);
    say("  exit\n");
}

void case_order_init_fini(void) { open_and_close("libinit.so"); }

void case_order_atexit(void)
{
    void *handle = open_module("libatexit.so", RTLD_NOW), *again = open_module("libatexit.so", RTLD_NOW);
    if (!handle)
        return;
    call(handle, "register_three");
    say("  first close\n");
    say_close(again);
    say("  last close\n");
    say_close(handle);
    handle = open_module("libatexit.so", RTLD_NOW);
    call(handle, "register_three");
    say("  exit\n");
}

void case_order_constructor_opens(void)
{
    open_and_close("libctor_open.so");
    say("  target loaded: %d\n", is_loaded("libctor_target.so"));
}

void case_order_constructor_closes(void)
{
    open_and_close("libctor_close.so");
    say("  target loaded: %d\n", is_loaded("libctor_target.so"));
}

void case_order_constructor_itself(void)
{
    open_and_close("libctor_itself.so");
    say("  it holds itself: %d\n", is_loaded("libctor_itself.so"));
}

void case_order_hundred(void)
{
    void *handle = open_module("libhundred.so", RTLD_NOW);
    if (!handle)
        return;
    int *opened = get(handle, "hundred_opened"), *closed = get(RTLD_DEFAULT, "main_data"), before = *closed;
    say("  sum %d, constructors %d\n", call(handle, "hundred_sum"), *opened);
    say("  the 57th: %d\n", call(handle, "dep_57"));
    say_close(handle);
    say("  destructors: %d, the first loaded: %d\n", *closed - before, is_loaded("libdep_00.so"));
}
