/* SPDX-License-Identifier: MIT */
/* dladdr. Invariant: what is told of an address is what the object's own symbol table
 * says (glibc elf/dl-addr.c), and nothing of modules that are not open. */

#include <dlfcn.h>
#include <string.h>

#include "registry/program.h"
#include "registry/state.h"

struct module *module_of(struct registry *r, const void *address)
{
    for (size_t i = 0; i < r->opened_count; i++)
        if (module_holds(r->opened[i], address))
            return r->opened[i];
    return &r->main;
}

static void consider(const struct module *m, uint32_t i, uint64_t value, const Elf64_Sym **best)
{
    const Elf64_Sym *s = &m->symbols[i];
    if (ELF64_ST_TYPE(s->st_info) == STT_TLS || s->st_shndx == SHN_UNDEF || s->st_shndx == SHN_ABS || s->st_value > value)
        return;
    if (s->st_size ? value - s->st_value >= s->st_size : value != s->st_value)
        return;
    if (!*best || (*best)->st_value < s->st_value)
        *best = s;
}

static const Elf64_Sym *nearest(struct module *m, const void *address)
{
    uint64_t value = (uintptr_t)address - m->map.l_addr;
    const Elf64_Sym *best = NULL;
    module_decode(m);
    if (m->gnu) {
        const uint32_t *g = m->gnu, *bucket = g + 4 + 2 * g[2], *link = bucket + g[0];
        for (uint32_t b = 0; b < g[0]; b++)
            for (uint32_t i = bucket[b]; i; i = link[i - g[1]] & 1 ? 0 : i + 1)
                consider(m, i, value, &best);
    } else if (m->sysv) {
        for (uint32_t i = 1; i < m->sysv[1]; i++)
            consider(m, i, value, &best);
    }
    return best;
}

/* A symbol of no known size reaches to the next one of its module; the last, nowhere. */
static bool holds(const struct graft_registry_module *hand, const struct graft_registry_symbol *s, uintptr_t address)
{
    uintptr_t distance = address - (uintptr_t)s->address;
    if (address < (uintptr_t)s->address)
        return false;
    if (s->size || !distance)
        return !distance || distance < s->size;
    for (size_t i = 0; i < hand->symbol_count; i++)
        if ((uintptr_t)hand->symbols[i].address > address)
            return true;
    return false;
}

static struct module *of_hand(struct registry *r, const void *address, Dl_info *info)
{
    struct module *in = NULL;
    for (size_t i = 0; i < r->opened_count; i++) {
        const struct graft_registry_module *hand = r->opened[i]->hand;
        for (size_t k = 0; hand && k < hand->symbol_count; k++) {
            const struct graft_registry_symbol *s = &hand->symbols[k];
            if (!holds(hand, s, (uintptr_t)address) || (in && info->dli_saddr >= s->address))
                continue;
            in = r->opened[i];
            *info = (Dl_info){ in->path, (void *)program_start(), s->name, s->address };
        }
    }
    return in;
}

static int describe(struct registry *r, const void *address, Dl_info *info, const Elf64_Sym **symbol, struct module **in)
{
    struct module *m = module_of(r, address);
    const char *name;
    void *start;
    *info = (Dl_info){ 0 };
    *symbol = NULL;
    *in = m;
    if (m != &r->main) {
        *symbol = nearest(m, address);
        info->dli_fname = m->path;
        info->dli_fbase = (void *)module_base(m);
        if (*symbol) {
            info->dli_sname = m->strings + (*symbol)->st_name;
            info->dli_saddr = (void *)(m->map.l_addr + (*symbol)->st_value);
        }
        return 1;
    }
    if ((m = of_hand(r, address, info))) {
        *in = m;
        return 1;
    }
    if (!program_holds(address))
        return 0;
    for (size_t i = 0; i < r->count; i++)
        if (module_holds(r->modules[i], address))
            return 0;
    info->dli_fname = registry_program(r);
    info->dli_fbase = (void *)program_start();
    if (main_nearest(address, &name, &start)) {
        info->dli_sname = name;
        info->dli_saddr = start;
    }
    return 1;
}

EXPORT int dladdr(const void *address, Dl_info *info)
{
    struct registry *r = registry_enter();
    const Elf64_Sym *symbol;
    struct module *m;
    int result = describe(r, address, info, &symbol, &m);
    registry_leave();
    return result;
}

int dladdr1(const void *address, Dl_info *info, void **extra, int flags);

EXPORT int dladdr1(const void *address, Dl_info *info, void **extra, int flags)
{
    enum { SYMBOL = 1, LINK_MAP = 2 };      /* RTLD_DL_*, which musl has not */
    struct registry *r = registry_enter();
    const Elf64_Sym *symbol;
    struct module *m;
    int result = describe(r, address, info, &symbol, &m);
    if (result && flags == SYMBOL)
        *extra = (void *)symbol;
    else if (result && flags == LINK_MAP)
        *extra = &m->map;
    registry_leave();
    return result;
}
