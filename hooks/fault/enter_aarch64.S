/* SPDX-License-Identifier: MIT */
/* our_dlopen and our_vfork for AArch64: see fault.c. AAPCS64: arguments in x0 and x1, the
 * return address in x30, sp a multiple of 16, x16 free between functions. Both leave by a
 * jump with x30 as it came, so that the function sees its caller's own frame. */
#if defined(__aarch64__)
        .text
        .hidden our_dlopen
        .globl  our_dlopen
        .type   our_dlopen, %function
our_dlopen:
        .cfi_startproc
        stp     x29, x30, [sp, #-32]!
        .cfi_def_cfa_offset 32
        .cfi_offset x29, -32
        .cfi_offset x30, -24
        str     x1, [sp, #16]
        mov     x1, x30
        bl      fault_dlopen
        ldr     x1, [sp, #16]
        ldp     x29, x30, [sp], #32
        .cfi_restore x30
        .cfi_restore x29
        .cfi_def_cfa_offset 0
        adrp    x16, next_dlopen
        ldr     x16, [x16, #:lo12:next_dlopen]
        br      x16
        .cfi_endproc
        .size   our_dlopen, . - our_dlopen

        .hidden our_vfork
        .globl  our_vfork
        .type   our_vfork, %function
our_vfork:
        .cfi_startproc
        stp     x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset 16
        .cfi_offset x29, -16
        .cfi_offset x30, -8
        mov     x0, x30
        bl      fault_vfork
        ldp     x29, x30, [sp], #16
        .cfi_restore x30
        .cfi_restore x29
        .cfi_def_cfa_offset 0
        cbnz    w0, 1f
        adrp    x16, next_vfork
        ldr     x16, [x16, #:lo12:next_vfork]
        br      x16
1:      mov     w0, #-1
        ret
        .cfi_endproc
        .size   our_vfork, . - our_vfork
#endif
        .section .note.GNU-stack, "", %progbits
