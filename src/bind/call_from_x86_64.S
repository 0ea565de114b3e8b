/* SPDX-License-Identifier: MIT */
/* call_from for x86-64: see call_from.h. psABI: arguments in rdi, rsi, rdx, rcx,
 * r8; at a function's entry rsp is 8 modulo 16. */
#if defined(__x86_64__)
        .text
        .hidden call_from
        .globl  call_from
        .type   call_from, @function
call_from:
        .cfi_startproc
        push    %rbp
        .cfi_def_cfa_offset 16
        .cfi_offset %rbp, -16
        mov     %rsp, %rbp
        .cfi_def_cfa_register %rbp
        sub     $8, %rsp
        lea     1f(%rip), %rax
        push    %rax
        push    %rdi
        mov     %rsi, %rax
        mov     %rdx, %rdi
        mov     %rcx, %rsi
        mov     %r8, %rdx
        jmp     *%rax
1:      leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   call_from, . - call_from
#endif
        .section .note.GNU-stack, "", @progbits
