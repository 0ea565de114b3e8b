// SPDX-License-Identifier: MIT
// One of two modules that have every kind of name in common: MINE tells them apart.
#include <cstdio>
int common_data __attribute__((common));
__attribute__((weak)) int weak_helper() { return MINE; }
__attribute__((visibility("hidden"))) int hidden_helper() { return MINE; }
int plain_helper() { return MINE; }
int plain_data = MINE;
thread_local int thread_data = MINE;
inline int &comdat_count() { static int count = MINE; return count; }
__attribute__((constructor(200))) static void second() { std::printf("second %d\n", MINE); }
__attribute__((constructor(150))) static void first() { std::printf("first %d\n", MINE); }
__attribute__((destructor)) static void last() { std::printf("last %d\n", MINE); }
extern "C" int shared_counter;
__attribute__((weak)) int shared_counter = 0;
extern "C" int answer()
{
    common_data++;
    shared_counter++;
    comdat_count()++;
    try {
        throw MINE;
    } catch (int thrown) {
        std::printf("%d %d %d %d %d %d %d %d %d\n", weak_helper(), hidden_helper(), plain_helper(), plain_data, thread_data,
                    comdat_count(), common_data, thrown, shared_counter);
    }
    return MINE;
}
