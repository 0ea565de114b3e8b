// SPDX-License-Identifier: MIT
// Exceptions, types and thread-local objects of C++ across modules.
#include "conformance.h"
#include "modules/cxx.h"
#include <stdexcept>

void case_cxx_exception(void)
{
    void *handle = open_module("libcxx_catch.so", RTLD_NOW);
    if (handle)
        say("  caught in another module: %d\n", call(handle, "cxx_catch"));
}

void case_cxx_exception_from_module(void)
{
    void *handle = open_module("libcxx_throw.so", RTLD_NOW);
    void *function = handle ? get(handle, "cxx_throw") : nullptr;
    if (!function)
        return;
    for (int what = 0; what < 4; what++) {
        try {
            reinterpret_cast<void (*)(int)>(function)(what);
        } catch (const std::out_of_range &e) {
            say("  out_of_range: %s\n", e.what());
        } catch (const std::exception &e) {
            say("  exception: %s\n", e.what());
        } catch (int i) {
            say("  int: %d\n", i);
        } catch (...) {
            say("  another one\n");
        }
    }
}

void case_cxx_uncaught_type(void)
{
    void *handle = open_module("libcxx_throw.so", RTLD_NOW);
    void *function = handle ? get(handle, "cxx_throw") : nullptr;
    if (!function)
        return;
    try {
        reinterpret_cast<void (*)(int)>(function)(4);
    } catch (const Circle &circle) {
        say("  a circle: %d\n", circle.area());
    } catch (...) {
        say("  not known\n");
    }
}

void case_cxx_cast(void)
{
    void *maker = open_module("libcxx_throw.so", RTLD_NOW), *asker = open_module("libcxx_catch.so", RTLD_NOW);
    void *make = maker ? get(maker, "cxx_make") : nullptr, *ask = asker ? get(asker, "cxx_ask") : nullptr;
    if (!make || !ask)
        return;
    for (int what = 0; what < 2; what++) {
        Shape *shape = reinterpret_cast<Shape *(*)(int)>(make)(what);
        say("  asked by a module: %d, by main: %d %d, area %d\n", reinterpret_cast<int (*)(Shape *)>(ask)(shape),
            dynamic_cast<Circle *>(shape) != nullptr, typeid(*shape) == typeid(Circle), shape->area());
        delete shape;
    }
}

void case_cxx_unique(void)
{
    void *one = open_module("libcxx_throw.so", RTLD_NOW), *two = open_module("libcxx_catch.so", RTLD_NOW);
    if (!one || !two)
        return;
    say("  one count in all: %d", call(one, "cxx_count_throw"));
    say(" %d", call(two, "cxx_count_catch"));
    say(" %d\n", counted());
}

void case_cxx_static_objects(void)
{
    void *handle = open_module("libcxx_objects.so", RTLD_NOW);
    if (!handle)
        return;
    call(handle, "cxx_local_static");
    call(handle, "cxx_local_static");
    say_close(handle);
}

static void *use_in_thread(void *handle)
{
    call(handle, "cxx_thread_local");
    say("  thread ends\n");
    return nullptr;
}

void case_cxx_thread_local(void)
{
    void *handle = open_module("libcxx_objects.so", RTLD_NOW);
    if (!handle)
        return;
    in_thread(use_in_thread, handle);
    call(handle, "cxx_thread_local");
    say_close(handle);
    say("  exit\n");
}
