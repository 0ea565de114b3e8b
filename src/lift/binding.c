/* SPDX-License-Identifier: MIT */
/* Binds modules to each other. Invariant: a definition outside a module's own closure
 * never serves it, whatever its name; unique symbols alone are joined across all modules
 * (gABI: STB_GNU_UNIQUE; glibc elf/dl-lookup.c, do_lookup_unique). */

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "lift/binding.h"

enum { BUCKETS = 4096 };

struct node { struct lift_module *module; const struct node **closure; size_t closure_count; };

/* A name with what is known of it: the module whose unique definition serves all, or
 * that it is left to dlopen. */
struct known { struct known *next; const char *name; const struct lift_module *unique; bool late; };

struct binding {
    struct arena arena;
    struct node *nodes;
    size_t count;
    struct known *bucket[BUCKETS];
};

static struct known *find(const struct binding *b, const char *name)
{
    struct known *k = b->bucket[elf_hash_gnu(name) % BUCKETS];
    while (k && strcmp(k->name, name))
        k = k->next;
    return k;
}

static struct known *get(struct binding *b, const char *name)
{
    struct known *k = find(b, name), **bucket = &b->bucket[elf_hash_gnu(name) % BUCKETS];
    if (k || !(k = arena_alloc(&b->arena, sizeof *k)) || !(k->name = arena_string(&b->arena, name)))
        return k;
    k->next = *bucket;
    return *bucket = k;
}

static const struct node *find_needed(const struct binding *b, const char *name)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct lift_module *m = b->nodes[i].module;
        if ((m->image.soname && !strcmp(m->image.soname, name)) || !strcmp(m->path, name)
            || (!strchr(name, '/') && !strcmp(text_basename(m->path), name)))
            return &b->nodes[i];
    }
    return NULL;
}

static bool add_closure(struct node *node, const struct node *member)
{
    for (size_t i = 0; i < node->closure_count; i++)
        if (node->closure[i] == member)
            return false;
    node->closure[node->closure_count++] = member;
    return true;
}

static bool make_closure(struct binding *b, struct node *node)
{
    node->closure = arena_array(&b->arena, b->count, sizeof *node->closure);
    if (!node->closure)
        return false;
    add_closure(node, node);
    for (size_t i = 0; i < node->closure_count; i++) {
        const char *name;
        for (size_t k = 0; (name = elf_image_needed(&node->closure[i]->module->image, k)); k++) {
            const struct node *member = find_needed(b, name);
            if (member)
                add_closure(node, member);
        }
    }
    return true;
}

static bool join_unique(struct binding *b, const struct lift_module *m)
{
    struct elf_symbol s;
    uint32_t count = elf_symbol_count(&m->image);
    for (uint32_t i = 1; i < count; i++) {
        if (!elf_symbol_at(&m->image, i, &s) || s.bind != STB_GNU_UNIQUE || s.section == SHN_UNDEF)
            continue;
        struct known *k = get(b, s.name);
        if (!k)
            return false;
        if (!k->unique)
            k->unique = m;
    }
    return true;
}

struct binding *binding_new(struct lift_module *const *modules, size_t count)
{
    struct binding *b = calloc(1, sizeof *b);
    bool done = b && (b->nodes = arena_array(&b->arena, count + 1, sizeof *b->nodes));
    for (size_t i = 0; done && i < count; i++)
        b->nodes[b->count++].module = modules[i];
    for (size_t i = 0; done && i < count; i++)
        done = make_closure(b, &b->nodes[i]) && join_unique(b, modules[i]);
    if (done)
        return b;
    binding_free(b);
    return NULL;
}

void binding_free(struct binding *b)
{
    if (b)
        arena_free(&b->arena);
    free(b);
}

int binding_leave(struct binding *b, const char *name)
{
    struct known *k = get(b, name);
    if (!k)
        return -GRAFT_ENOMEM;
    k->late = true;
    return 0;
}

static const struct node *node_of(const struct binding *b, const struct lift_module *m)
{
    size_t i = 0;
    while (b->nodes[i].module != m)
        i++;
    return &b->nodes[i];
}

static bool find_in(const struct lift_module *m, const struct elf_wanted *wanted, struct lift_binding *to)
{
    if (elf_lookup_excludes(&m->image, wanted->gnu_hash) || elf_lookup(&m->image, wanted, &to->symbol) != ELF_FOUND)
        return false;
    to->module = m;
    return true;
}

static bool find_in_closure(const struct node *node, const struct elf_symbol *s, struct lift_binding *to)
{
    struct elf_wanted wanted = { .name = s->name, .version = s->version, .gnu_hash = elf_hash_gnu(s->name) };
    for (size_t i = 1; i < node->closure_count; i++)
        if (find_in(node->closure[i]->module, &wanted, to))
            return true;
    return false;
}

enum lift_where binding_resolve(void *arg, const struct lift_module *m, const struct elf_symbol *s,
                                struct lift_binding *to)
{
    const struct binding *b = arg;
    const struct known *k;
    if (s->section) {
        k = s->bind == STB_GNU_UNIQUE ? find(b, s->name) : NULL;
        struct elf_wanted wanted = { .name = s->name, .gnu_hash = elf_hash_gnu(s->name) };
        return k && k->unique && k->unique != m && find_in(k->unique, &wanted, to) ? LIFT_OTHER : LIFT_OWN;
    }
    if (find_in_closure(node_of(b, m), s, to))
        return LIFT_OTHER;
    k = find(b, s->name);
    return k && k->late ? LIFT_LATE : LIFT_OPEN;
}

/* ---- what nobody serves --------------------------------------------------------------- */

typedef void open_fn(void *arg, const struct lift_module *, const struct elf_symbol *);

static int highest_symbol(void *arg, const struct lift_reloc *r)
{
    uint32_t *count = arg;
    if (r->symbol >= *count)
        *count = r->symbol + 1;
    return 0;
}

/* A hash table need not reach the undefined symbols, relocations do. */
static void each_open(const struct binding *b, open_fn *each, void *arg)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct lift_module *m = b->nodes[i].module;
        uint32_t count = elf_symbol_count(&m->image);
        lift_module_relocs(m, highest_symbol, &count);
        for (uint32_t k = 1; k < count; k++) {
            struct elf_symbol s;
            struct lift_binding to;
            if (!elf_symbol_at(&m->image, k, &s) || !s.name || !*s.name || s.section != SHN_UNDEF)
                continue;
            elf_symbol_version(&m->image, &s);
            if (!find_in_closure(&b->nodes[i], &s, &to))
                each(arg, m, &s);
        }
    }
}

struct asking { const char *name; const struct lift_module *first; size_t count; void (*each)(void *, const char *); void *arg; };

static void count_wanting(void *arg, const struct lift_module *m, const struct elf_symbol *s)
{
    struct asking *a = arg;
    if (!strcmp(s->name, a->name) && !a->count++)
        a->first = m;
}

size_t binding_wanting(const struct binding *b, const char *name, const struct lift_module **first)
{
    struct asking a = { .name = name };
    each_open(b, count_wanting, &a);
    *first = a.first;
    return a.count;
}

static void tell_weak(void *arg, const struct lift_module *m, const struct elf_symbol *s)
{
    struct asking *a = arg;
    (void)m;
    if (s->bind == STB_WEAK)
        a->each(a->arg, s->name);
}

void binding_weak(const struct binding *b, void (*each)(void *arg, const char *name), void *arg)
{
    struct asking a = { .each = each, .arg = arg };
    each_open(b, tell_weak, &a);
}
