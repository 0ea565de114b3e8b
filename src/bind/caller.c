/* SPDX-License-Identifier: MIT */
/* Calls the loader as if nobody watched. Invariant: it sees a return address in
 * the object that the program's own call came from, which decides on RUNPATH,
 * $ORIGIN and the namespace; errno is untouched before the call. */

#include "bind/caller.h"

#include <elf.h>
#include <errno.h>
#include <link.h>

#include "base/error.h"
#include "bind/call_from.h"
#include "live/live.h"

static uintptr_t real[CALLER_SPACES][WATCHED];      /* those of other namespaces' libc */

void caller_learn(unsigned space, enum watched which, uintptr_t address)
{
    __atomic_store_n(&real[space][which], address, __ATOMIC_RELAXED);
}

static int search_own_space(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct caller *caller = arg;
    bool inside = false;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        inside |= p->p_type == PT_LOAD && caller->address - (info->dlpi_addr + p->p_vaddr) < p->p_memsz;
    }
    for (size_t i = 0; inside && i < info->dlpi_phnum && !caller->gadget; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && (p->p_flags & (PF_R | PF_X)) == (PF_R | PF_X))
            caller->gadget = call_from_gadget((const void *)(info->dlpi_addr + p->p_vaddr), p->p_filesz);
    }
    return inside;
}

static int search_spaces(struct world *world, const struct live_counts *counts, void *arg)
{
    struct caller *caller = arg;
    size_t i = world_find_address(world, caller->address);
    (void)counts;
    if (i == WORLD_NONE)
        i = world->main;            /* code in no object (a JIT's) counts as the main program's */
    if (i == WORLD_NONE)
        return 0;
    const struct elf_image *image = &world_object(world, i)->image;
    caller->space = world_object(world, i)->space;
    for (unsigned k = 0; k < image->span_count && !caller->gadget; k++)
        if (elf_image_covers(image, image->span[k].vaddr, PF_X))
            caller->gadget = call_from_gadget(image->span[k].bytes, image->span[k].size);
    return 0;
}

uintptr_t caller_real(unsigned space, enum watched which)
{
    const uintptr_t base[WATCHED] = { (uintptr_t)dlopen, (uintptr_t)dlmopen, (uintptr_t)dlclose,
                                      (uintptr_t)dlsym, (uintptr_t)dlvsym, (uintptr_t)dlerror };
    uintptr_t own = space < CALLER_SPACES ? __atomic_load_n(&real[space][which], __ATOMIC_RELAXED) : 0;
    if (!own)
        own = __atomic_load_n(&real[0][which], __ATOMIC_RELAXED);
    return own ? own : base[which];
}

struct caller caller_find(void *from)
{
    struct caller caller = { .address = (uintptr_t)from };
    int saved = errno;
    if (call_from_allowed()) {
        live_lock();                /* fork waits for it: its child could not go on */
        int found = dl_iterate_phdr(search_own_space, &caller);
        live_unlock();
        if (!found)
            live_visit(search_spaces, &caller, NULL);
    }
    errno = saved;
    return caller;
}

uintptr_t caller_call(const struct caller *caller, uintptr_t function, uintptr_t a, uintptr_t b, uintptr_t c)
{
    typedef uintptr_t function_type(uintptr_t, uintptr_t, uintptr_t);
    function_type *call = (function_type *)function;
    return caller->gadget ? call_from(caller->gadget, call, a, b, c) : call(a, b, c);
}

void *caller_open(const struct caller *caller, const char *path, int mode)
{
    return (void *)caller_call(caller, caller_real(caller->space, DLOPEN), (uintptr_t)path, (uintptr_t)mode, 0);
}

void caller_close(const struct caller *caller, void *handle)
{
    (void)caller_call(caller, caller_real(caller->space, DLCLOSE), (uintptr_t)handle, 0, 0);
}

int caller_failed(const char *path, struct graft_error *error)
{
    const char *text = dlerror();
    return error_about(error, GRAFT_ESYS, path, "", "%s", text ? text : "dlopen failed and said nothing");
}

void *caller_hold(long space, const char *path)
{
    void *(*open)(Lmid_t, const char *, int) = (void *(*)(Lmid_t, const char *, int))caller_real(0, DLMOPEN);
    return open(space, path, RTLD_LAZY | RTLD_NOLOAD);
}

void caller_unload(void *handle)
{
    int (*close)(void *) = (int (*)(void *))caller_real(0, DLCLOSE);
    close(handle);
}
