/* SPDX-License-Identifier: MIT */
/* cpuid for x86-64: see cpuid.h. psABI: arguments in edi, esi, rdx; rbx is the
 * caller's. */
#if defined(__x86_64__)
        .text
        .hidden cpuid_words, cpuid_saved
        .globl  cpuid_words, cpuid_saved
        .type   cpuid_words, @function
cpuid_words:
        .cfi_startproc
        push    %rbx
        .cfi_def_cfa_offset 16
        .cfi_offset %rbx, -16
        mov     %rdx, %r8
        mov     %edi, %eax
        mov     %esi, %ecx
        cpuid
        mov     %eax, (%r8)
        mov     %ebx, 4(%r8)
        mov     %ecx, 8(%r8)
        mov     %edx, 12(%r8)
        pop     %rbx
        .cfi_def_cfa_offset 8
        ret
        .cfi_endproc
        .size   cpuid_words, . - cpuid_words
        .type   cpuid_saved, @function
cpuid_saved:
        .cfi_startproc
        xor     %ecx, %ecx
        xgetbv
        ret
        .cfi_endproc
        .size   cpuid_saved, . - cpuid_saved
#endif
        .section .note.GNU-stack, "", @progbits
