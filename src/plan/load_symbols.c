/* SPDX-License-Identifier: MIT */
/* What serves each name that a consumer and its closure ask for, once the duplicate is
 * out of the way. Invariant: a name that is the runtime's is never dropped: it is bound
 * to the host, or has a reason. Only names that a relocation uses count, as ld.so looks
 * up no others. */

#include "plan/loading.h"

#include <elf.h>
#include <string.h>

#include "elf/reloc.h"

/* The consumer, or a library that it brings, while its names are looked at. */
struct asking {
    struct loading *l;
    const struct load_member *member;
    unsigned char *use;             /* by symbol index */
    uint32_t symbols;
    bool now;                       /* all is bound at load */
};

/* ---- which names are used, and how ---------------------------------------------------- */

static unsigned use_of(enum elf_reloc_class class)
{
    switch (class) {
    case ELF_RELOC_JUMP_SLOT: return LOAD_LAZY;
    case ELF_RELOC_TPOFF:     return LOAD_TPOFF;
    case ELF_RELOC_DTPMOD:
    case ELF_RELOC_DTPOFF:
    case ELF_RELOC_TLSDESC:   return LOAD_TLS;
    case ELF_RELOC_NONE:
    case ELF_RELOC_RELATIVE:
    case ELF_RELOC_IRELATIVE: return 0;
    default:                  return LOAD_DATA;
    }
}

static uint32_t highest_symbol(const struct elf_image *image)
{
    uint32_t highest = 0;
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            uint32_t symbol = elf_reloc_at(image, &image->relocs[t], i).symbol;
            highest = symbol > highest && symbol < image->symbols.count ? symbol : highest;
        }
    return highest;
}

static int collect_uses(struct asking *a)
{
    const struct elf_image *image = load_image(a->member);
    a->symbols = highest_symbol(image) + 1;
    a->use = arena_array(&a->l->arena, a->symbols, 1);
    if (!a->use)
        return -GRAFT_ENOMEM;
    for (unsigned t = 0; image->arch && t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            if (reloc.symbol && reloc.symbol < a->symbols)
                a->use[reloc.symbol] |= use_of(elf_reloc_class(image->arch, reloc.type));
        }
    return 0;
}

/* ---- who defines a name ------------------------------------------------------------------ */

static bool defines(const struct elf_image *image, struct elf_wanted *wanted, struct elf_symbol *found)
{
    return !elf_lookup_excludes(image, wanted->gnu_hash) && elf_lookup(image, wanted, found) == ELF_FOUND;
}

static size_t find_global(const struct loading *l, struct elf_wanted *wanted, size_t after)
{
    struct elf_symbol found;
    size_t i = 0;
    while (after != WORLD_NONE && i < l->global_count && l->global[i++] != after)
        ;
    for (; i < l->global_count; i++)
        if (defines(&world_object(l->here, l->global[i])->image, wanted, &found))
            return l->global[i];
    return WORLD_NONE;
}

/* The first member that defines it, as in the consumer's own scope. */
static const struct load_member *find_local(const struct loading *l, struct elf_wanted *wanted,
                                            struct elf_symbol *found)
{
    for (size_t i = 0; i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        if (m->world && !world_object(m->world, m->index)->broken && defines(load_image(m), wanted, found))
            return m;
    }
    return NULL;
}

/* Given addresses by the hash of their names: chains of indexes, one past each. */
static int index_given(struct loading *l)
{
    size_t count = l->request->given_count, size = 4;
    while (size < 2 * count)
        size *= 2;
    l->given_first = arena_array(&l->arena, size, sizeof *l->given_first);
    l->given_next = arena_array(&l->arena, count + 1, sizeof *l->given_next);
    l->given_mask = (uint32_t)size - 1;
    if (!l->given_first || !l->given_next)
        return -GRAFT_ENOMEM;
    for (size_t i = count; i-- > 0;) {
        uint32_t *first = &l->given_first[elf_hash_gnu(l->request->given[i].name) & l->given_mask];
        l->given_next[i] = *first;
        *first = (uint32_t)i + 1;
    }
    return 0;
}

static const struct load_given *find_given(const struct loading *l, const struct load_name *n, bool global)
{
    for (uint32_t k = l->given_first[n->reference.gnu_hash & l->given_mask]; k; k = l->given_next[k - 1]) {
        const struct load_given *g = &l->request->given[k - 1];
        if ((g->source == GRAFT_SOURCE_NONE) == global && !strcmp(g->name, n->reference.name)
            && (!g->version || !n->reference.version || !strcmp(g->version, n->reference.version)))
            return g;
    }
    return NULL;
}

/* ---- the answer ------------------------------------------------------------------------------ */

struct graft_load_symbol *load_note(struct loading *l, const struct load_member *member, const struct load_name *n,
                                    enum graft_binding binding, const char *reason)
{
    struct graft_load_plan *plan = l->plan;
    struct graft_load_symbol *s = arena_list_push(&plan->symbols);
    if (!s)
        return NULL;
    *s = (struct graft_load_symbol){ .size = sizeof *s, .object = arena_string(&plan->arena, load_path(member)),
        .name = arena_string(&plan->arena, n->reference.name), .binding = binding,
        .version = n->reference.version ? arena_string(&plan->arena, n->reference.version) : NULL, .reason = reason };
    const char *without = n->global != WORLD_NONE && (!l->request->deepbind || !n->owner)
                        ? world_object(l->here, n->global)->path : n->owner ? load_path(n->owner) : NULL;
    s->without = without ? arena_string(&plan->arena, without) : NULL;
    switch (binding) {
    case GRAFT_BINDING_BOUND:      plan->bound++;     break;
    case GRAFT_BINDING_MISSING:    plan->missing++;   break;
    case GRAFT_BINDING_WRONG_COPY: plan->wrong++;     break;
    default:                       plan->incurable++; break;
    }
    return s->object && s->name ? s : NULL;
}

static enum graft_source source_of(const struct target *t, size_t host)
{
    return t->object != host || t->symbol.type == STT_GNU_IFUNC || t->symbol.bind == STB_GNU_UNIQUE
         ? GRAFT_SOURCE_HOST : GRAFT_SOURCE_DYNSYM;
}

/* The host's address of @n, from whatever source tells it. */
bool load_locate(const struct loading *l, size_t host, const struct load_name *n, struct load_address *address,
                   enum graft_source *source, enum graft_verdict *verdict)
{
    struct target t = { .verdict = GRAFT_VERDICT_MISSING };
    struct reference reference = n->reference;
    reference.class = n->use == LOAD_LAZY ? ELF_RELOC_JUMP_SLOT : ELF_RELOC_GLOB_DAT;
    reference.weak = false;
    reference.any_version = l->request->wish->flags & GRAFT_ANY_VERSION;
    reference.live = l->request->live;
    target_find(l->here, host, &reference, &t);
    *verdict = t.verdict;
    if (t.verdict == GRAFT_VERDICT_EDIT) {
        *source = source_of(&t, host);
        *address = (struct load_address){ .address = t.value, .size = t.symbol.size, .type = t.symbol.type };
        if (address->type == STT_GNU_IFUNC)
            address->type = STT_FUNC;
        return true;
    }
    const struct load_given *given = find_given(l, n, false);
    if (!given)
        return false;
    *source = given->source;
    *address = (struct load_address){ .address = given->address, .size = given->size, .type = given->type };
    return true;
}

/* Whether it stops the load: ld.so itself lets weak references and, lazily, functions be. */
static bool must_be_bound(const struct asking *a, const struct load_name *n)
{
    return !n->reference.weak && (a->now || n->use & ~LOAD_LAZY);
}

int load_not_located(struct loading *l, const struct load_member *member, const struct load_name *n, bool must,
                     enum graft_verdict verdict)
{
    bool absent = verdict == GRAFT_VERDICT_MISSING || verdict == GRAFT_VERDICT_WEAK || verdict == GRAFT_VERDICT_HIDDEN;
    enum graft_binding binding = absent ? GRAFT_BINDING_MISSING : GRAFT_BINDING_NOT_CURABLE;
    const char *reason = !absent ? graft_verdict_text(verdict) : n->owner ? "the host does not show it" : "nobody here defines it";
    l->plan->unlocated += absent;
    l->lost += absent && must;
    return load_note(l, member, n, binding, reason) ? 0 : -GRAFT_ENOMEM;
}

static int not_located(struct asking *a, const struct load_name *n, enum graft_verdict verdict)
{
    return load_not_located(a->l, a->member, n, n->owner ? !n->reference.weak : must_be_bound(a, n), verdict);
}

/* A name that a duplicate defines goes to the host instead. */
static int runtime_name(struct asking *a, struct load_name *n)
{
    struct loading *l = a->l;
    const struct load_member *d = n->owner;
    struct load_address address;
    enum graft_source source;
    enum graft_verdict verdict;
    struct graft_load_symbol *s;
    if (d->fate == GRAFT_FATE_DUPLICATE && !d->same_version && !runtime_is_stable(d->runtime.tag, n->reference.name)) {
        l->mismatched++;
        return load_note(a->l, a->member, n, GRAFT_BINDING_NOT_CURABLE, "the duplicate is of another version than the host") ? 0 : -GRAFT_ENOMEM;
    }
    if (n->use & LOAD_TPOFF)
        return load_note(a->l, a->member, n, GRAFT_BINDING_NOT_CURABLE, graft_verdict_text(GRAFT_VERDICT_TPOFF)) ? 0 : -GRAFT_ENOMEM;
    if (!load_locate(l, d->host, n, &address, &source, &verdict))
        return not_located(a, n, verdict);
    if (!target_types_agree(n->definition.type, address.type))
        return load_note(a->l, a->member, n, GRAFT_BINDING_NOT_CURABLE, graft_verdict_text(GRAFT_VERDICT_TYPE)) ? 0 : -GRAFT_ENOMEM;
    bool captured = !l->request->deepbind && n->global != WORLD_NONE && n->global != d->host
                 && !(n->global == l->here->main && source == GRAFT_SOURCE_HOST);
    if (captured || n->use & LOAD_TLS || address.type == STT_TLS)
        l->needs_slots = true;
    if (!(s = load_note(a->l, a->member, n, captured ? GRAFT_BINDING_WRONG_COPY : GRAFT_BINDING_BOUND,
                   captured ? "another object that is visible to all defines it too, and comes first" : NULL)))
        return -GRAFT_ENOMEM;
    s->source = source;
    l->hidden |= source > GRAFT_SOURCE_DYNSYM;
    s->address = l->request->live ? (uintptr_t)address.address : 0;
    address.hidden = n->definition.version_hidden;
    return address.type == STT_TLS ? 0 : load_serve(l, d->name, s, &address);
}

/* A name that nobody in sight defines: perhaps a host does, which is not visible. */
static int unlinked_name(struct asking *a, const struct load_name *n)
{
    struct loading *l = a->l;
    struct load_address address;
    enum graft_source source = GRAFT_SOURCE_NONE;
    enum graft_verdict verdict = GRAFT_VERDICT_MISSING;
    size_t host = l->unlinked_host;
    bool located = host != WORLD_NONE && load_locate(l, host, n, &address, &source, &verdict);
    const char *tag = "";
    for (size_t row = 0; host == WORLD_NONE && !located && tag; row++) {
        size_t candidate = load_host_of_row(l, row, &tag);
        if (candidate != WORLD_NONE && (located = load_locate(l, candidate, n, &address, &source, &verdict)))
            host = candidate;
    }
    if (!located)
        return n->reference.weak ? 0 : not_located(a, n, verdict);
    l->unlinked_host = host;
    l->unlinked++;
    l->hidden |= source > GRAFT_SOURCE_DYNSYM;
    struct graft_load_symbol *s = load_note(a->l, a->member, n, GRAFT_BINDING_BOUND, NULL);
    if (!s)
        return -GRAFT_ENOMEM;
    s->source = source;
    s->address = l->request->live ? (uintptr_t)address.address : 0;
    return load_serve(l, "", s, &address);
}

static bool is_host(struct loading *l, size_t object)
{
    const char *tag = "";
    for (size_t row = 0; tag; row++)
        if (load_host_of_row(l, row, &tag) == object)
            return true;
    return false;
}

/* The loader binds it to the host by itself. */
static int flat_name(struct asking *a, const struct load_name *n, size_t host)
{
    struct loading *l = a->l;
    struct load_address address = { .address = 0 };
    enum graft_source source = GRAFT_SOURCE_DYNSYM;
    enum graft_verdict verdict;
    l->flat_host = host;
    struct graft_load_symbol *s = load_note(a->l, a->member, n, GRAFT_BINDING_BOUND, NULL);
    if (!s)
        return -GRAFT_ENOMEM;
    if (load_locate(l, host, n, &address, &source, &verdict))
        s->address = l->request->live ? (uintptr_t)address.address : 0;
    s->source = source;
    return 0;
}

/* ---- all names of one object -------------------------------------------------------------------- */

static bool calls_the_loader(const char *name)
{
    return name[0] == 'd' && name[1] == 'l' && (!strcmp(name, "dlopen") || !strcmp(name, "dlmopen")
                                               || !strcmp(name, "dlsym") || !strcmp(name, "dlvsym"));
}

static int look_at(struct asking *a, struct load_name *n)
{
    struct loading *l = a->l;
    struct elf_wanted wanted = { .name = n->reference.name, .version = n->reference.version,
                                 .gnu_hash = n->reference.gnu_hash };
    const struct load_member *first = find_local(l, &wanted, &n->definition);
    n->global = find_global(l, &wanted, WORLD_NONE);
    l->plan->uses_loader |= calls_the_loader(n->reference.name);
    if (first && load_is_replaced(first)) {
        n->owner = first;
        return runtime_name(a, n);
    }
    /* what another object defines too is no runtime's name, but a program's copy of libc's data */
    if (n->global != WORLD_NONE && is_host(l, n->global) && find_global(l, &wanted, n->global) == WORLD_NONE)
        return flat_name(a, n, n->global);
    if (first || n->global != WORLD_NONE || find_given(l, n, true))
        return first && first->fate == GRAFT_FATE_HOST ? flat_name(a, n, first->index) : 0;
    return unlinked_name(a, n);
}

static int look_at_all(struct asking *a)
{
    const struct elf_image *image = load_image(a->member);
    int result = collect_uses(a);
    a->now = a->l->request->now || image->flags & DF_BIND_NOW || image->flags_1 & DF_1_NOW;
    for (uint32_t i = 1; i < a->symbols && !result; i++) {
        struct load_name n = { .use = a->use[i], .global = WORLD_NONE };
        struct elf_symbol symbol;
        if (n.use && reference_of(image, i, &n.reference, &symbol) && symbol.section == SHN_UNDEF)
            result = look_at(a, &n);
    }
    return result;
}

int load_symbols(struct loading *l)
{
    struct asking a = { .l = l, .member = load_member(l, 0) };
    int result = 0;
    l->unlinked_host = l->flat_host = WORLD_NONE;
    if (index_given(l))
        return -GRAFT_ENOMEM;
    if (a.member->fate == GRAFT_FATE_DUPLICATE)
        result = load_whole_interface(l, a.member);
    else
        for (size_t i = 0; i < l->members.count && !result; i++) {
            a.member = load_member(l, i);
            if (a.member->world && !load_is_here(l, a.member) && !load_is_replaced(a.member))
                result = look_at_all(&a);
        }
    return result ? result : load_take_places(l);
}
