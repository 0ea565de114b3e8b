/* SPDX-License-Identifier: MIT */
/* What serves each name that a consumer and its closure ask for, once the duplicate is
 * out of the way. Invariant: a name that is the runtime's is never dropped: it is bound
 * to the host, or has a reason. Only names that a relocation uses count, as ld.so looks
 * up no others. */

#include "plan/loading.h"

#include <elf.h>
#include <string.h>

#include "elf/reloc.h"
#include "elf/version.h"

/* How the relocations of an object use one of its symbols. */
enum { USE_LAZY = 1, USE_DATA = 2, USE_TLS = 4, USE_TPOFF = 8 };

/* The consumer, or a library that it brings, while its names are looked at. */
struct asking {
    struct loading *l;
    const struct load_member *member;
    unsigned char *use;             /* by symbol index */
    uint32_t symbols;
    bool now;                       /* all is bound at load */
};

struct name {
    struct reference reference;
    unsigned use;
    const struct load_member *owner;        /* the duplicate that defines it, or NULL */
    struct elf_symbol definition;           /* there */
    size_t global;                          /* who is visible to all and defines it, or WORLD_NONE */
};

/* ---- which names are used, and how ---------------------------------------------------- */

static unsigned use_of(enum elf_reloc_class class)
{
    switch (class) {
    case ELF_RELOC_JUMP_SLOT: return USE_LAZY;
    case ELF_RELOC_TPOFF:     return USE_TPOFF;
    case ELF_RELOC_DTPMOD:
    case ELF_RELOC_DTPOFF:
    case ELF_RELOC_TLSDESC:   return USE_TLS;
    case ELF_RELOC_NONE:
    case ELF_RELOC_RELATIVE:
    case ELF_RELOC_IRELATIVE: return 0;
    default:                  return USE_DATA;
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

static const struct load_given *find_given(const struct loading *l, const struct name *n, bool global)
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

static struct graft_load_symbol *note(struct asking *a, const struct name *n, enum graft_binding binding,
                                      const char *reason)
{
    struct graft_load_plan *plan = a->l->plan;
    struct graft_load_symbol *s = arena_list_push(&plan->symbols);
    if (!s)
        return NULL;
    *s = (struct graft_load_symbol){ .size = sizeof *s, .object = arena_string(&plan->arena, load_path(a->member)),
        .name = arena_string(&plan->arena, n->reference.name), .binding = binding,
        .version = n->reference.version ? arena_string(&plan->arena, n->reference.version) : NULL, .reason = reason };
    const char *without = n->global != WORLD_NONE && (!a->l->request->deepbind || !n->owner)
                        ? world_object(a->l->here, n->global)->path : n->owner ? load_path(n->owner) : NULL;
    s->without = without ? arena_string(&plan->arena, without) : NULL;
    switch (binding) {
    case GRAFT_BINDING_BOUND:      plan->bound++;     break;
    case GRAFT_BINDING_MISSING:    plan->missing++;   break;
    case GRAFT_BINDING_WRONG_COPY: plan->wrong++;     break;
    default:                       plan->incurable++; break;
    }
    return s->object && s->name ? s : NULL;
}

static struct load_stand_in *stand_in_for(struct loading *l, const char *soname, const char *runtime)
{
    for (size_t i = 0; i < l->plan->stand_ins.count; i++) {
        struct load_stand_in *s = arena_list_at(&l->plan->stand_ins, i);
        if (!strcmp(s->soname, soname))
            return s;
    }
    struct load_stand_in *s = arena_list_push(&l->plan->stand_ins);
    if (s)
        *s = (struct load_stand_in){ .soname = arena_string(&l->plan->arena, soname), .runtime = runtime };
    return s && s->soname ? s : NULL;
}

/* Room for one more: the array doubles when its length is a power of two. */
static struct load_address *room_for_symbol(struct loading *l, struct load_stand_in *s)
{
    size_t n = s->symbol_count;
    if ((n & (n - 1)) == 0) {
        struct load_address *more = arena_array(&l->plan->arena, n ? 2 * n : 1, sizeof *more);
        if (!more)
            return NULL;
        if (n)
            memcpy(more, s->symbols, n * sizeof *more);
        s->symbols = more;
    }
    return &s->symbols[s->symbol_count++];
}

static int serve(struct loading *l, const char *soname, const char *runtime, const struct graft_load_symbol *noted,
                 const struct load_address *address)
{
    struct load_stand_in *s = stand_in_for(l, soname, runtime);
    struct load_address *to = s ? room_for_symbol(l, s) : NULL;
    if (!to)
        return -GRAFT_ENOMEM;
    *to = *address;
    to->name = noted->name;
    to->version = noted->version;
    return 0;
}

static enum graft_source source_of(const struct target *t, size_t host)
{
    return t->object != host || t->symbol.type == STT_GNU_IFUNC || t->symbol.bind == STB_GNU_UNIQUE
         ? GRAFT_SOURCE_HOST : GRAFT_SOURCE_DYNSYM;
}

/* The host's address of @n, from whatever source tells it. */
static bool locate(const struct loading *l, size_t host, const struct name *n, struct load_address *address,
                   enum graft_source *source, enum graft_verdict *verdict)
{
    struct target t = { .verdict = GRAFT_VERDICT_MISSING };
    struct reference reference = n->reference;
    reference.class = n->use == USE_LAZY ? ELF_RELOC_JUMP_SLOT : ELF_RELOC_GLOB_DAT;
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
static bool must_be_bound(const struct asking *a, const struct name *n)
{
    return !n->reference.weak && (a->now || n->use & ~USE_LAZY);
}

static int not_located(struct asking *a, const struct name *n, enum graft_verdict verdict)
{
    bool absent = verdict == GRAFT_VERDICT_MISSING || verdict == GRAFT_VERDICT_WEAK || verdict == GRAFT_VERDICT_HIDDEN;
    enum graft_binding binding = absent ? GRAFT_BINDING_MISSING : GRAFT_BINDING_NOT_CURABLE;
    a->l->plan->unlocated += absent;
    a->l->lost += absent && (n->owner ? !n->reference.weak : must_be_bound(a, n));
    const char *reason = !absent ? graft_verdict_text(verdict) : n->owner ? "the host does not show it" : "nobody here defines it";
    return note(a, n, binding, reason) ? 0 : -GRAFT_ENOMEM;
}

/* A name that a duplicate defines goes to the host instead. */
static int runtime_name(struct asking *a, struct name *n)
{
    struct loading *l = a->l;
    const struct load_member *d = n->owner;
    struct load_address address;
    enum graft_source source;
    enum graft_verdict verdict;
    struct graft_load_symbol *s;
    if (d->fate == GRAFT_FATE_DUPLICATE && !d->same_version && !runtime_is_stable(d->runtime.tag, n->reference.name)) {
        l->mismatched++;
        return note(a, n, GRAFT_BINDING_NOT_CURABLE, "the duplicate is of another version than the host") ? 0 : -GRAFT_ENOMEM;
    }
    if (n->use & USE_TPOFF)
        return note(a, n, GRAFT_BINDING_NOT_CURABLE, graft_verdict_text(GRAFT_VERDICT_TPOFF)) ? 0 : -GRAFT_ENOMEM;
    if (!locate(l, d->host, n, &address, &source, &verdict))
        return not_located(a, n, verdict);
    if (!target_types_agree(n->definition.type, address.type))
        return note(a, n, GRAFT_BINDING_NOT_CURABLE, graft_verdict_text(GRAFT_VERDICT_TYPE)) ? 0 : -GRAFT_ENOMEM;
    bool captured = !l->request->deepbind && n->global != WORLD_NONE && n->global != d->host
                 && !(n->global == l->here->main && source == GRAFT_SOURCE_HOST);
    if (captured || n->use & USE_TLS || address.type == STT_TLS)
        l->needs_slots = true;
    if (!(s = note(a, n, captured ? GRAFT_BINDING_WRONG_COPY : GRAFT_BINDING_BOUND,
                   captured ? "another object that is visible to all defines it too, and comes first" : NULL)))
        return -GRAFT_ENOMEM;
    s->source = source;
    l->hidden |= source > GRAFT_SOURCE_DYNSYM;
    s->address = l->request->live ? (uintptr_t)address.address : 0;
    address.hidden = n->definition.version_hidden;
    return address.type == STT_TLS ? 0 : serve(l, d->name, d->runtime.tag, s, &address);
}

/* A name that nobody in sight defines: perhaps a host does, which is not visible. */
static int unlinked_name(struct asking *a, const struct name *n)
{
    struct loading *l = a->l;
    struct load_address address;
    enum graft_source source = GRAFT_SOURCE_NONE;
    enum graft_verdict verdict = GRAFT_VERDICT_MISSING;
    size_t host = l->unlinked_host;
    bool located = host != WORLD_NONE && locate(l, host, n, &address, &source, &verdict);
    const char *tag = "";
    for (size_t row = 0; host == WORLD_NONE && !located && tag; row++) {
        size_t candidate = load_host_of_row(l, row, &tag);
        if (candidate != WORLD_NONE && (located = locate(l, candidate, n, &address, &source, &verdict)))
            host = candidate;
    }
    if (!located)
        return n->reference.weak ? 0 : not_located(a, n, verdict);
    l->unlinked_host = host;
    l->unlinked++;
    l->hidden |= source > GRAFT_SOURCE_DYNSYM;
    struct graft_load_symbol *s = note(a, n, GRAFT_BINDING_BOUND, NULL);
    if (!s)
        return -GRAFT_ENOMEM;
    s->source = source;
    s->address = l->request->live ? (uintptr_t)address.address : 0;
    return serve(l, "", NULL, s, &address);
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
static int flat_name(struct asking *a, const struct name *n, size_t host)
{
    struct loading *l = a->l;
    struct load_address address = { .address = 0 };
    enum graft_source source = GRAFT_SOURCE_DYNSYM;
    enum graft_verdict verdict;
    l->flat_host = host;
    struct graft_load_symbol *s = note(a, n, GRAFT_BINDING_BOUND, NULL);
    if (!s)
        return -GRAFT_ENOMEM;
    if (locate(l, host, n, &address, &source, &verdict))
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

static int look_at(struct asking *a, struct name *n)
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
        struct name n = { .use = a->use[i], .global = WORLD_NONE };
        struct elf_symbol symbol;
        if (n.use && reference_of(image, i, &n.reference, &symbol) && symbol.section == SHN_UNDEF)
            result = look_at(a, &n);
    }
    return result;
}

/* ---- the runtime's library itself ------------------------------------------------------------------ */

/* Every name of @m that the host has: for who asks by name (dlsym), or for @m itself. */
static int whole_interface(struct asking *a, const struct load_member *m)
{
    uint32_t count = elf_symbol_count(load_image(m));
    int result = 0;
    for (uint32_t i = 1; i < count && !result; i++) {
        struct name n = { .use = USE_DATA, .owner = m, .global = WORLD_NONE };
        struct load_address address;
        enum graft_source source;
        enum graft_verdict verdict;
        if (!reference_of(load_image(m), i, &n.reference, &n.definition) || n.definition.section == SHN_UNDEF
            || n.definition.bind == STB_LOCAL || n.definition.type == STT_TLS || n.definition.version_hidden)
            continue;
        if (m->fate == GRAFT_FATE_DUPLICATE && !m->same_version
            && !runtime_is_stable(m->runtime.tag, n.reference.name)) {
            a->l->mismatched += m == load_member(a->l, 0);
            continue;
        }
        if (!locate(a->l, m->host, &n, &address, &source, &verdict)) {
            if (m == load_member(a->l, 0))
                result = not_located(a, &n, verdict);
            continue;
        }
        struct graft_load_symbol scratch = { .name = arena_string(&a->l->plan->arena, n.reference.name), .version = n.reference.version
            ? arena_string(&a->l->plan->arena, n.reference.version) : NULL }, *s = &scratch;
        if (m == load_member(a->l, 0) && (s = note(a, &n, GRAFT_BINDING_BOUND, NULL))) {
            s->source = source;
            s->address = a->l->request->live ? (uintptr_t)address.address : 0;
        }
        const char *soname = m == load_member(a->l, 0) && load_image(m)->soname ? load_image(m)->soname : m->name;
        result = s && s->name ? serve(a->l, soname, m->runtime.tag, s, &address) : -GRAFT_ENOMEM;
    }
    return result;
}

/* The versions that a stand-in defines: all that the duplicate does, and those of its
 * symbols where there is no file of it. */
static int add_version(struct loading *l, struct load_stand_in *s, const char *version, size_t room)
{
    for (size_t i = 0; i < s->version_count; i++)
        if (!strcmp(s->versions[i], version))
            return 0;
    if (!s->versions && !(s->versions = arena_array(&l->plan->arena, room, sizeof *s->versions)))
        return -GRAFT_ENOMEM;
    if (s->version_count < room)
        s->versions[s->version_count++] = arena_string(&l->plan->arena, version);
    return 0;
}

static int list_versions(struct loading *l, struct load_stand_in *s)
{
    const size_t room = ELF_VERSIONS_MAX;
    int result = 0;
    for (size_t i = 0; i < l->members.count; i++) {
        const struct load_member *m = load_member(l, i);
        const struct elf_image *image = m->world ? load_image(m) : NULL;
        if (!image || !load_is_replaced(m) || (strcmp(m->name, s->soname) && (!image->soname || strcmp(image->soname, s->soname))))
            continue;
        for (uint32_t k = 2; k < image->verdef_count + 2 && !result; k++) {
            const char *version = elf_verdef_name(image, (uint16_t)k);
            result = version ? add_version(l, s, version, room) : 0;
        }
    }
    for (size_t i = 0; i < s->symbol_count && !result; i++)
        result = s->symbols[i].version ? add_version(l, s, s->symbols[i].version, room) : 0;
    return result;
}

/* The duplicate's place has to be taken even where nobody uses one of its names. */
static int take_places(struct asking *a)
{
    struct loading *l = a->l;
    int result = 0;
    for (size_t i = 1; i < l->members.count && !result; i++) {
        const struct load_member *m = load_member(l, i);
        if (!load_is_replaced(m) || load_is_here(l, m))
            continue;
        if (!stand_in_for(l, m->name, m->runtime.tag))
            return -GRAFT_ENOMEM;
        if (l->plan->uses_loader && m->fate == GRAFT_FATE_DUPLICATE)
            result = whole_interface(a, m);
    }
    for (size_t i = 0; i < l->plan->stand_ins.count && !result; i++)
        result = list_versions(l, arena_list_at(&l->plan->stand_ins, i));
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
        result = whole_interface(&a, a.member);
    else
        for (size_t i = 0; i < l->members.count && !result; i++) {
            a.member = load_member(l, i);
            if (a.member->world && !load_is_here(l, a.member) && !load_is_replaced(a.member))
                result = look_at_all(&a);
        }
    a.member = load_member(l, 0);
    return result ? result : take_places(&a);
}
