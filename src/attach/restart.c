/* SPDX-License-Identifier: MIT */
/* Makes a stop invisible to system calls. Invariant: a call is wound back only if
 * it returned EINTR for no other reason than our stop.
 *
 * Most calls answer ERESTART… inside the kernel, which starts them again by
 * itself. Those in the table answer EINTR even without a handler (signal(7),
 * "Interruption of system calls by stop signals"; fs/eventpoll.c, ipc/sem.c,
 * net/core/sock.c: sock_intr_errno, kernel/signal.c: do_sigtimedwait). Their time
 * limit, if it is relative, begins anew. */

#include "attach/restart.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "base/feature.h"

/* read write readv writev · connect accept sendto recvfrom sendmsg recvmsg ·
 * semop semtimedop · rt_sigtimedwait · io_getevents · epoll_wait epoll_pwait ·
 * accept4 recvmmsg sendmmsg · io_pgetevents io_uring_enter epoll_pwait2 */
static const uint16_t calls_x86_64[] = { 0, 1, 19, 20, 42, 43, 44, 45, 46, 47, 65, 220, 128, 208, 232, 281,
                                         288, 299, 307, 333, 426, 441 };

/* Indexes into the registers' words. Machines without calls keep the original
 * first argument where ptrace does not reach it. */
static const struct facts {
    uint16_t machine;
    uint8_t counter, result, number, instruction;
    const uint16_t *calls;
    size_t count;
} table[] = {
    { EM_X86_64, 16, 10, 15, 2, calls_x86_64, sizeof calls_x86_64 / sizeof *calls_x86_64 },
    { EM_AARCH64, 32, 0, 0, 4, NULL, 0 },
    { EM_RISCV, 0, 0, 0, 4, NULL, 0 },
};

static const struct facts *facts_find(void)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].machine == FEATURE_MACHINE)
            return &table[i];
    return NULL;
}

bool registers_read(pid_t thread, struct registers *registers)
{
    struct iovec to = { registers->word, sizeof registers->word };
    if (ptrace(PTRACE_GETREGSET, thread, (void *)(uintptr_t)NT_PRSTATUS, &to))
        return false;
    registers->size = to.iov_len;
    return true;
}

static bool registers_write(pid_t thread, struct registers *registers)
{
    struct iovec from = { registers->word, registers->size };
    return !ptrace(PTRACE_SETREGSET, thread, (void *)(uintptr_t)NT_PRSTATUS, &from);
}

uint64_t registers_counter(const struct registers *registers)
{
    const struct facts *facts = facts_find();
    return facts ? registers->word[facts->counter] : 0;
}

static uint64_t mask_field(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

/* Whether a handler of the target runs before the thread goes on. */
static bool handler_due(const struct process *process, pid_t thread, int signal)
{
    char name[64], text[4096];
    snprintf(name, sizeof name, "task/%d/status", thread);
    if (process_file(process, name, text, sizeof text) <= 0)
        return true;
    uint64_t pending = (mask_field(text, "\nSigPnd:") | mask_field(text, "\nShdPnd:"))
                     & ~mask_field(text, "\nSigBlk:");
    if (signal)
        pending |= 1ull << (signal - 1);
    return pending & mask_field(text, "\nSigCgt:");
}

static bool is_broken_off(const struct facts *facts, const struct registers *registers)
{
    if (!facts || (int64_t)registers->word[facts->result] != -EINTR)
        return false;
    for (size_t i = 0; i < facts->count; i++)
        if (registers->word[facts->number] == facts->calls[i])
            return true;
    return false;
}

bool restart_call(const struct process *process, pid_t thread, int signal, struct registers *registers)
{
    const struct facts *facts = facts_find();
    if (!is_broken_off(facts, registers) || handler_due(process, thread, signal))
        return false;
    struct registers wound = *registers;
    wound.word[facts->result] = registers->word[facts->number];
    wound.word[facts->counter] -= facts->instruction;
    wound.word[facts->number] = UINT64_MAX;     /* no call: the kernel adds nothing of its own */
    if (!registers_write(thread, &wound))
        return false;
    *registers = wound;
    return true;
}
