// SPDX-License-Identifier: MIT
// A library with a V8 of its own, which a constructor asks for its version and for a
// parsed number: what it gets must be its own, inside a node that is another version.
#include <cstdio>
#include <cstdlib>
#include <v8.h>

namespace {
struct Early {
    Early()
    {
        std::printf("own V8=%s\n", v8::V8::GetVersion());
        std::fflush(stdout);
    }
} early;
}
