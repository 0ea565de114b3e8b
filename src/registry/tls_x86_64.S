/* SPDX-License-Identifier: MIT */
/* Thread-local storage of modules. In a static program all of it lies at fixed offsets
 * from the thread pointer, so both ways of asking are an addition.
 *
 * __graft_tls_get_addr: rdi → { offset of the block, offset in it }; returns the address in
 * rax and, since some callers rely on it, changes nothing else but rdi's flags.
 * __graft_tlsdesc: rax → { this function, offset }; returns the offset in rax and changes no
 * other register (psABI, "TLS descriptors"). */

        .text
        .globl  __graft_tls_get_addr
        .type   __graft_tls_get_addr, @function
__graft_tls_get_addr:
        .cfi_startproc
        movq    %fs:0, %rax
        addq    (%rdi), %rax
        addq    8(%rdi), %rax
        ret
        .cfi_endproc
        .size   __graft_tls_get_addr, . - __graft_tls_get_addr

        .globl  __graft_tlsdesc
        .type   __graft_tlsdesc, @function
__graft_tlsdesc:
        .cfi_startproc
        movq    8(%rax), %rax
        ret
        .cfi_endproc
        .size   __graft_tlsdesc, . - __graft_tlsdesc

        .section .note.GNU-stack, "", @progbits
