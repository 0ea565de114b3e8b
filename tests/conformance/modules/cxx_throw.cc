// SPDX-License-Identifier: MIT
// Throws what it is asked to, and makes shapes.
#include "cxx.h"
#include <stdexcept>
#include <string>
extern "C" void cxx_throw(int what)
{
    switch (what) {
    case 0: throw std::out_of_range("too far");
    case 1: throw std::runtime_error("at run time " + std::to_string(what));
    case 2: throw 42;
    case 4: throw Circle();
    default: throw "text";
    }
}
extern "C" Shape *cxx_make(int what)
{
    if (what)
        return new Square;
    return new Circle;
}
extern "C" int cxx_count_throw() { return counted(); }
