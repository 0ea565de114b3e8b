// SPDX-License-Identifier: MIT
// Catches what libcxx_throw throws.
#include "cxx.h"
#include "module.h"
#include <stdexcept>
extern "C" void cxx_throw(int what);
namespace {
struct Guard {
    ~Guard() { say("  unwound\n"); }
};
}
static int once(int what)
{
    try {
        Guard guard;
        cxx_throw(what);
    } catch (const std::runtime_error &e) {
        say("  %s\n", e.what());
        return 1;
    } catch (const std::logic_error &e) {
        say("  %s\n", e.what());
        return 10;
    } catch (const Circle &circle) {
        return circle.area();
    } catch (...) {
        return 100;
    }
    return 0;
}
extern "C" int cxx_catch() { return once(0) + once(1) + once(2) + once(4); }
extern "C" int cxx_ask(Shape *shape) { return dynamic_cast<Circle *>(shape) ? 1 : dynamic_cast<Square *>(shape) ? 2 : 0; }
extern "C" int cxx_count_catch() { return counted(); }
