/* SPDX-License-Identifier: MIT */
/* C++: every operator new and delete reaches malloc and free through libstdc++; an
 * exception passes the frames of the hooks. Invariant: 300 blocks of 48 bytes by new,
 * 10 aligned ones of 256, one array of 1000; all but the array are given back. */

#include <new>
#include <stdexcept>

struct Item { char bytes[48]; };
struct alignas(128) Wide { char bytes[256]; };

static void *volatile kept;

static void fill(int depth)
{
    Item *volatile item = new Item;
    delete item;
    if (depth == 0)
        throw std::runtime_error("the bottom");
    fill(depth - 1);
}

int main()
{
    try {
        fill(299);
    } catch (const std::exception &) {
    }
    for (int i = 0; i < 10; i++) {
        Wide *volatile wide = new Wide;
        delete wide;
    }
    kept = new char[1000];
    void *volatile none = operator new(1UL << 62, std::nothrow);
    return none != nullptr;
}
