/* SPDX-License-Identifier: MIT */
/* Finds return instructions for call_from. Invariant: the one chosen is the last
 * byte of "xor %eax,%eax; ret" where there is such a pair: there the unwinder's
 * rule for the caller's frame holds, so that backtraces pass through. */

#include "bind/call_from.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RET = 0xc3 };

const void *call_from_gadget(const unsigned char *code, size_t size)
{
    const unsigned char *any = NULL, *end = code + size;
    for (const unsigned char *p = code; p < end && (p = memchr(p, RET, (size_t)(end - p))); p++) {
        if (p - code >= 2 && p[-2] == 0x31 && p[-1] == 0xc0)
            return p;
        if (!any)
            any = p;
    }
    return any;
}

/* arch_prctl(ARCH_SHSTK_STATUS): Linux 6.6, Documentation/arch/x86/shstk.rst. */
int call_from_allowed(void)
{
    unsigned long features = 0;
    return syscall(SYS_arch_prctl, 0x5005, &features) != 0 || !(features & 1);
}
