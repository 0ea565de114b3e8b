// SPDX-License-Identifier: MIT
// Objects that say when they are made and unmade.
#include "module.h"
namespace {
struct Object {
    const char *name;
    explicit Object(const char *n) : name(n) { say("  + %s\n", name); }
    ~Object() { say("  - %s\n", name); }
};
Object first("static one"), second("static two");
thread_local Object per_thread("thread local");
}
extern "C" int cxx_local_static()
{
    static Object object("local static");
    return 0;
}
extern "C" int cxx_thread_local()
{
    say("  of the thread: %s\n", per_thread.name);
    return 0;
}
