/* SPDX-License-Identifier: MIT */
/* The pages of a module: read-only after relocation, as new when it is opened again.
 * Invariant: a module's pages are its own, since it starts on a fresh one, and the
 * executable's file holds what they were: dropping the private copies brings that back
 * (madvise(2), MADV_DONTNEED on a private file mapping). */

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "registry/program.h"
#include "registry/state.h"

extern Elf64_Dyn _DYNAMIC[] __attribute__((weak, visibility("hidden")));

static const Elf64_Phdr *header_of(const struct module *m, uint32_t type, size_t *next)
{
    const Elf64_Phdr *headers = graft_offset_at(&m->record->headers);
    for (; *next < m->record->header_count; (*next)++)
        if (headers[*next].p_type == type)
            return &headers[(*next)++];
    return NULL;
}

int module_protect(struct module *m, bool read_only)
{
    size_t next = 0, page = getauxval(AT_PAGESZ);
    const Elf64_Phdr *relro = m->record && m->record->headers ? header_of(m, PT_GNU_RELRO, &next) : NULL;
    if (!relro)
        return 0;
    uintptr_t start = (m->map.l_addr + relro->p_vaddr) & ~(page - 1);
    uintptr_t end = (m->map.l_addr + relro->p_vaddr + relro->p_memsz) & ~(page - 1);
    if (end <= start)
        return 0;
    return mprotect((void *)start, end - start, read_only ? PROT_READ : PROT_READ | PROT_WRITE) ? errno : 0;
}

static void relocate(uintptr_t load, uintptr_t start, uintptr_t end)
{
    const Elf64_Rela *rela = NULL;
    size_t size = 0;
    if (!_DYNAMIC)
        return;
    for (const Elf64_Dyn *d = _DYNAMIC; d->d_tag != DT_NULL; d++) {
        if (d->d_tag == DT_RELA)
            rela = (const void *)(d->d_un.d_ptr < load ? load + d->d_un.d_ptr : d->d_un.d_ptr);
        if (d->d_tag == DT_RELASZ)
            size = d->d_un.d_val;
    }
    for (size_t i = 0; rela && i < size / sizeof *rela; i++) {
        uintptr_t at = load + rela[i].r_offset;
        if (ELF64_R_TYPE(rela[i].r_info) == R_X86_64_RELATIVE && at >= start && at < end)
            *(uint64_t *)at = load + (uint64_t)rela[i].r_addend;
    }
}

static int renew_segment(const struct module *m, const Elf64_Phdr *p)
{
    size_t page = getauxval(AT_PAGESZ);
    uintptr_t start = m->map.l_addr + p->p_vaddr, file_end = start + p->p_filesz, end = start + p->p_memsz;
    uintptr_t first = start & ~(page - 1), last = (end + page - 1) & ~(page - 1);
    if (madvise((void *)first, last - first, MADV_DONTNEED))
        return errno;
    memset((void *)file_end, 0, end - file_end);
    relocate(program_load(), start, end);
    return 0;
}

int module_renew(struct module *m)
{
    const Elf64_Phdr *p;
    int number = module_protect(m, false);
    if (!m->record || !m->record->headers)
        return 0;
    for (size_t next = 0; !number && (p = header_of(m, PT_LOAD, &next));)
        if (p->p_flags & PF_W)
            number = renew_segment(m, p);
    size_t next = 0;
    p = header_of(m, PT_TLS, &next);
    if (!number && p && m->record->tls_size) {
        char *block = (char *)__builtin_thread_pointer() + m->record->tls_offset;
        memcpy(block, (const void *)(m->map.l_addr + p->p_vaddr), p->p_filesz);
        memset(block + p->p_filesz, 0, p->p_memsz - p->p_filesz);
    }
    return number;
}
