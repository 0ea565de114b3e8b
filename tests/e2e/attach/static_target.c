/* SPDX-License-Identifier: MIT */
/* A static program to attach to. */

#include <sys/mman.h>
#include <unistd.h>

#include "shared.h"

int main(void)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_DESCRIPTOR, 0);
    shared->ready = 1;
    for (;;)
        pause();
}
