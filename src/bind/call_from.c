/* SPDX-License-Identifier: MIT */
/* Finds return instructions for call_from. Invariant: the one chosen is the last
 * byte of "xor %eax,%eax; ret" where there is such a pair, or follows another
 * instruction that sets the result only: the unwinder, which looks at the byte before
 * the return address, then meets a rule that holds, and backtraces pass through. */

#include "bind/call_from.h"

#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RET = 0xc3 };

/* Whether what ends before @p, read as one of the usual ways to set %rax, leaves the
 * stack alone. Intel SDM, volume 2: mov, lea, xor. */
static bool sets_result(const unsigned char *code, const unsigned char *p)
{
    size_t n = (size_t)(p - code);
    if (n >= 2 && (p[-2] == 0x89 || p[-2] == 0x31) && (p[-1] & 0xc7) == 0xc0)
        return true;                                    /* mov or xor %reg,%eax */
    if (n >= 5 && p[-5] == 0xb8)
        return true;                                    /* mov $imm32,%eax */
    return n >= 6 && (p[-6] == 0x8b || p[-6] == 0x8d) && p[-5] == 0x05;    /* mov, lea x(%rip),%eax */
}

const void *call_from_gadget(const unsigned char *code, size_t size)
{
    const unsigned char *any = NULL, *likely = NULL, *end = code + size;
    for (const unsigned char *p = code; p < end && (p = memchr(p, RET, (size_t)(end - p))); p++) {
        if (p - code >= 2 && p[-2] == 0x31 && p[-1] == 0xc0)
            return p;
        if (!likely && sets_result(code, p))
            likely = p;
        if (!any)
            any = p;
    }
    return likely ? likely : any;
}

/* arch_prctl(ARCH_SHSTK_STATUS): Linux 6.6, Documentation/arch/x86/shstk.rst. */
int call_from_allowed(void)
{
    unsigned long features = 0;
    return syscall(SYS_arch_prctl, 0x5005, &features) != 0 || !(features & 1);
}
