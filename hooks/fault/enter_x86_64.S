/* SPDX-License-Identifier: MIT */
/* our_dlopen and our_vfork for x86-64: see fault.c. psABI: arguments in rdi and rsi, the
 * return address at rsp, which at a function's entry is 8 modulo 16. Both leave by a jump
 * with the stack as it came, so that the function sees its caller's own frame. */
#if defined(__x86_64__)
        .text
        .hidden our_dlopen
        .globl  our_dlopen
        .type   our_dlopen, @function
our_dlopen:
        .cfi_startproc
        push    %rsi
        .cfi_def_cfa_offset 16
        mov     8(%rsp), %rsi
        call    fault_dlopen
        pop     %rsi
        .cfi_def_cfa_offset 8
        mov     %rax, %rdi
        jmp     *next_dlopen(%rip)
        .cfi_endproc
        .size   our_dlopen, . - our_dlopen

        .hidden our_vfork
        .globl  our_vfork
        .type   our_vfork, @function
our_vfork:
        .cfi_startproc
        mov     (%rsp), %rdi
        sub     $8, %rsp
        .cfi_def_cfa_offset 16
        call    fault_vfork
        add     $8, %rsp
        .cfi_def_cfa_offset 8
        test    %eax, %eax
        jnz     1f
        jmp     *next_vfork(%rip)
1:      mov     $-1, %eax
        ret
        .cfi_endproc
        .size   our_vfork, . - our_vfork
#endif
        .section .note.GNU-stack, "", %progbits
