/* SPDX-License-Identifier: MIT */
#ifndef HOOKS_COMMON_IO_OWN_H
#define HOOKS_COMMON_IO_OWN_H

#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* For one file of a library that hooks mmap: a hidden mmap of its own. What it and
 * hooks/common map binds here at link time and so has no slot: a table that grows is
 * neither counted nor failed, and cannot recurse. */
void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return (void *)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}

#endif
