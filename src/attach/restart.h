/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_RESTART_H
#define GRAFT_ATTACH_RESTART_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "attach/process.h"

/* Registers of a stopped thread, as the kernel hands them out (NT_PRSTATUS). */
struct registers {
    uint64_t word[64];
    size_t size;                    /* bytes */
};

bool registers_read(pid_t thread, struct registers *);

/* Where the thread will go on; 0 where graft has no facts about the machine. */
uint64_t registers_counter(const struct registers *);

/* Winds a system call back that our stop broke off and that the kernel would let
 * fail with EINTR, unless a handler of the target is about to run, which rightly
 * breaks it off. @signal: the one that the thread stopped with, or 0. Returns
 * whether it was wound back. */
bool restart_call(const struct process *, pid_t thread, int signal, struct registers *);

#endif
