/* SPDX-License-Identifier: MIT */
/* The words that a link left to dlopen: by IFUNC resolvers, and by names that nothing
 * defined then. Invariant: with RTLD_NOW all of them are found before the first is
 * written. */

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "registry/state.h"

enum { DEEPBIND = 8 };              /* RTLD_DEEPBIND, which musl has not */

static bool look_in(struct module **list, size_t count, const char *name, struct found *found)
{
    for (size_t i = 0; i < count; i++)
        if (module_lookup(list[i], name, NULL, found))
            return true;
    return false;
}

/* ld.so's order: the global scope, then the one of what is being opened. */
static bool find(struct registry *r, struct module *m, const char *name, bool own_first, struct found *found)
{
    if (own_first && look_in(m->scope, m->scope_count, name, found))
        return true;
    return module_lookup(&r->main, name, NULL, found) || look_in(r->globals, r->globals_count, name, found)
        || look_in(m->scope, m->scope_count, name, found);
}

/* As long as @m is open, whose words lead there. */
void module_hold(struct module *m, struct module *other)
{
    bool known = !other || other == m || !other->open || !other->path[0];
    for (size_t i = 0; !known && i < m->scope_count; i++)
        known = m->scope[i] == other;
    for (size_t i = 0; !known && i < m->held_count; i++)
        known = m->held[i] == other;
    if (!known)
        module_list_add(&m->held, &m->held_count, &m->held_room, other);
}

/* What a function that is not there does when it is called, as ld.so's lazy binding. */
static void missing_function(void)
{
    static const char text[] = "symbol lookup error: a function that was undefined when its module was opened "
                               "RTLD_LAZY has been called\n";
    if (write(2, text, sizeof text - 1) < 0)
        _exit(126);                 /* nobody could be told */
    _exit(127);
}

bool module_relocate(struct registry *r, struct module *m, int flags)
{
    if (!m->record || !m->record->late_count)
        return true;
    const Elf64_Rela *late = graft_offset_at(&m->record->late);
    module_decode(m);
    for (int writing = 0; writing < 2; writing++)
        for (size_t i = 0; i < m->record->late_count; i++) {
            uint64_t *word = (uint64_t *)(m->map.l_addr + late[i].r_offset), value;
            unsigned type = (unsigned)ELF64_R_TYPE(late[i].r_info);
            if (type == R_X86_64_IRELATIVE) {
                if (writing)
                    *word = (uint64_t)(uintptr_t)module_resolve((void *)(m->map.l_addr + (uint64_t)late[i].r_addend));
                continue;
            }
            const Elf64_Sym *s = &m->symbols[ELF64_R_SYM(late[i].r_info)];
            const char *name = m->strings + s->st_name;
            struct found found = { NULL, NULL, NULL };
            if (find(r, m, name, m->symbolic || flags & DEEPBIND || s->st_shndx != SHN_UNDEF, &found))
                value = (uint64_t)(uintptr_t)found.address + (type == R_X86_64_64 ? (uint64_t)late[i].r_addend : 0);
            else if (ELF64_ST_BIND(s->st_info) == STB_WEAK)
                value = 0;
            else if (type == R_X86_64_JUMP_SLOT && !(flags & RTLD_NOW))
                value = (uint64_t)(uintptr_t)missing_function;
            else {
                error_say(m->path, "undefined symbol: %s", name);
                return false;
            }
            if (writing) {
                *word = value;
                module_hold(m, found.module);
            }
        }
    return true;
}
