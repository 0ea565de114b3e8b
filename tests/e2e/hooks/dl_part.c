/* SPDX-License-Identifier: MIT */
/* Libraries for hooks/dl. -DPART=1 needs part 2, which needs nothing; a call of either
 * gives its number. -DPART=3 opens part 2 from its constructor. */

#include <dlfcn.h>

#if PART == 1
int part_2(void);
int part_1(void) { return part_2() - 1; }
#elif PART == 2
int part_2(void) { return 2; }
#else
static void *opened;
__attribute__((constructor)) static void open_2(void) { opened = dlopen("libdl_part2.so", RTLD_LAZY); }
__attribute__((destructor)) static void close_2(void) { dlclose(opened); }
int part_3(void) { return opened ? 3 : 0; }
#endif
