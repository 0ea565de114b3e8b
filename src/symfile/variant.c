/* SPDX-License-Identifier: MIT */
/* Chooses the libraries that a variant leaves out, and examines what the loader takes
 * from them. Invariant: a runtime is known by what it defines, never by its name; a
 * library that is not found is never taken for one without a runtime. */

#include "symfile/variant.h"

#include <elf.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/text.h"
#include "elf/reloc.h"
#include "plan/runtime.h"
#include "symfile/variant_write.h"

size_t variant_find(const struct world *world, size_t loader, const char *name)
{
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (i != loader && o->image.soname && !strcmp(o->image.soname, name))
            return i;
    }
    for (size_t i = 0; i < world->objects.count; i++)
        if (i != loader && !strcmp(text_basename(world_object(world, i)->path), text_basename(name)))
            return i;
    return WORLD_NONE;
}

/* ---- the choice ------------------------------------------------------------- */

bool variant_drops(const struct variant *variant, const char *name)
{
    for (size_t i = 0; i < variant->count; i++)
        if (!strcmp(variant->library[i].name, name))
            return true;
    return false;
}

static int choose(struct variant *variant, const struct world *world, size_t loader, const char *name,
                  struct graft_error *error)
{
    struct graft_runtime found[GRAFT_RUNTIMES_MAX];
    if (variant_drops(variant, name))
        return 0;
    if (variant->count == VARIANT_LIBRARIES_MAX)
        return error_set(error, GRAFT_EINVAL, "more than %d libraries to leave out", VARIANT_LIBRARIES_MAX);
    struct variant_library *library = &variant->library[variant->count++];
    library->name = name;
    library->object = variant_find(world, loader, name);
    if (library->object != WORLD_NONE && runtime_scan(world, library->object, found))
        library->runtime = found[0];
    return 0;
}

/* All needed names in one line, for messages. */
static const char *needed_list(const struct elf_image *image, char text[300])
{
    struct text_buffer buffer = { .data = text, .size = 300 };
    const char *name;
    text[0] = '\0';
    for (size_t i = 0; (name = elf_image_needed(image, i)); i++)
        text_append(&buffer, "%s%s", i ? ", " : "", name);
    return *text ? text : "nothing";
}

static bool matches(const struct world *world, size_t loader, const char *glob, const char *name)
{
    size_t object = variant_find(world, loader, name);
    return text_glob(glob, name) || text_glob(glob, text_basename(name))
        || (object != WORLD_NONE && world_matches(world, object, glob));
}

static int choose_named(struct variant *variant, const struct world *world, size_t loader, const char *glob,
                        struct graft_error *error)
{
    const struct elf_image *image = &world_object(world, loader)->image;
    const char *name;
    char list[300];
    bool any = false;
    for (size_t i = 0; (name = elf_image_needed(image, i)); i++) {
        if (!matches(world, loader, glob, name))
            continue;
        any = true;
        int result = choose(variant, world, loader, name, error);
        if (result)
            return result;
    }
    return any ? 0 : error_set(error, GRAFT_ENOOBJ, "it needs no library that matches '%s', but %s", glob,
                               needed_list(image, list));
}

/* The first object that holds a runtime and is reached through what the loader needs. */
static const char *indirect_runtime(const struct world *world, size_t loader)
{
    struct graft_runtime found[GRAFT_RUNTIMES_MAX];
    for (size_t i = 0; i < world->objects.count; i++)
        if (i != loader && runtime_scan(world, i, found))
            return text_basename(world_object(world, i)->path);
    return NULL;
}

static int none_found(const struct world *world, size_t loader, const char *missing, struct graft_error *error)
{
    char list[300];
    const char *indirect = indirect_runtime(world, loader);
    if (indirect)
        return error_set(error, GRAFT_ENODUP, "it does not itself need %s, which another library brings: make a "
                         "variant of that one", indirect);
    if (missing)
        return error_set(error, GRAFT_ENODUP, "no needed library that was found holds a known runtime, and %s was "
                         "not found (--library-path): name what to drop with --drop", missing);
    return error_set(error, GRAFT_ENODUP, "no needed library holds a known runtime (%s): name what to drop "
                     "with --drop", needed_list(&world_object(world, loader)->image, list));
}

static int several_found(const struct variant *variant, struct graft_error *error)
{
    char list[300] = "";
    struct text_buffer buffer = { .data = list, .size = sizeof list };
    for (const struct variant_library *l = variant->library; l < variant->library + variant->count; l++)
        text_append(&buffer, "%s%s (%s)", l > variant->library ? " and " : "", l->name, l->runtime.tag);
    return error_set(error, GRAFT_EAMBIG, "it needs several runtimes, %s: name one with --drop", list);
}

static int choose_found(struct variant *variant, const struct world *world, size_t loader, struct graft_error *error)
{
    const struct elf_image *image = &world_object(world, loader)->image;
    const char *name, *missing = NULL;
    for (size_t i = 0; (name = elf_image_needed(image, i)); i++) {
        struct graft_runtime found[GRAFT_RUNTIMES_MAX];
        size_t object = variant_find(world, loader, name);
        if (object == WORLD_NONE)
            missing = name;
        else if (runtime_scan(world, object, found)) {
            int result = choose(variant, world, loader, name, error);
            if (result)
                return result;
        }
    }
    if (!variant->count)
        return none_found(world, loader, missing, error);
    return variant->count > 1 ? several_found(variant, error) : 0;
}

/* COPY relocations want the runtime's datum inside this file: only a program has them. */
static int relocations_check(const struct elf_image *image, struct graft_error *error)
{
    for (unsigned t = 0; t < ELF_RELOC_TABLES && image->arch; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            if (elf_reloc_class(image->arch, reloc.type) != ELF_RELOC_COPY)
                continue;
            const char *name = elf_symbol_name(image, reloc.symbol);
            return error_about(error, GRAFT_EREFUSED, "", name, "%s is copied into it at load (a COPY relocation): "
                               "it is linked as a program", name ? name : "a datum");
        }
    return 0;
}

/* Marks what the variant would bring: all that it reaches but through what leaves. */
static void mark_kept(const struct variant *variant, const struct world *world, size_t from, unsigned char *kept)
{
    const char *name;
    kept[from] = 1;
    for (size_t k = 0; (name = elf_image_needed(&world_object(world, from)->image, k)); k++) {
        size_t object = variant_find(world, from, name);
        if (object != WORLD_NONE && !kept[object] && !variant_drops(variant, name))
            mark_kept(variant, world, object, kept);
    }
}

/* A library that stays and needs one that leaves would bring it back. */
static int find_bringer(struct variant *variant, const struct world *world, size_t loader, struct graft_error *error)
{
    unsigned char *kept = calloc(world->objects.count, 1);
    if (!kept)
        return error_set(error, GRAFT_ENOMEM, "out of memory while looking at what is needed");
    mark_kept(variant, world, loader, kept);
    for (size_t i = 0; i < world->objects.count && !variant->brings; i++) {
        const char *name;
        for (size_t k = 0; kept[i] && (name = elf_image_needed(&world_object(world, i)->image, k)); k++)
            if (i != loader && variant_drops(variant, name)) {
                variant->brings = text_basename(world_object(world, i)->path);
                variant->brought = name;
            }
    }
    free(kept);
    return 0;
}

int variant_choose(struct variant *variant, const struct world *world, size_t loader, const char *const *globs,
                   size_t count, struct graft_error *error)
{
    const struct elf_image *image = &world_object(world, loader)->image;
    memset(variant, 0, sizeof *variant);
    int result = variant_library_check(image, error);
    for (size_t i = 0; i < count && !result; i++)
        result = choose_named(variant, world, loader, globs[i], error);
    if (!result && !count)
        result = choose_found(variant, world, loader, error);
    if (!result)
        result = relocations_check(image, error);
    return result ? result : find_bringer(variant, world, loader, error);
}

/* ---- the names ------------------------------------------------------------------ */

static void names_add(struct variant_names *names, const char *name)
{
    if (names->count < VARIANT_NAMES_MAX)
        names->name[names->count] = name;
    names->count++;
}

/* Marks the symbols that ld.so resolves when the library is opened: all but those that
 * only calls through the PLT use, and those too where binding is not lazy. */
static void mark_at_once(const struct elf_image *image, unsigned char *at_once, uint32_t count)
{
    bool now = image->flags & DF_BIND_NOW || image->flags_1 & DF_1_NOW;
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            uint32_t symbol = elf_reloc_at(image, &image->relocs[t], i).symbol;
            if (symbol < count && (t < 2 || now))
                at_once[symbol] = 1;
        }
}

/* Whether an unversioned reference to @symbol means another definition of @image than the
 * one of its version: glibc then takes the oldest. */
static bool means_another(const struct elf_image *image, const struct elf_symbol *symbol,
                          const struct elf_symbol *defined)
{
    struct elf_wanted wanted = { .name = symbol->name };
    struct elf_symbol other;
    return symbol->version && (elf_lookup(image, &wanted, &other) != ELF_FOUND || other.index != defined->index);
}

static bool defined_in(const struct world *world, size_t object, const struct elf_symbol *symbol,
                       struct elf_symbol *defined)
{
    struct elf_wanted wanted = { .name = symbol->name, .version = symbol->version };
    return object != WORLD_NONE && elf_lookup(&world_object(world, object)->image, &wanted, defined) == ELF_FOUND;
}

static void count_name(struct variant *variant, const struct elf_symbol *symbol, const struct elf_symbol *defined,
                       bool at_once)
{
    if (defined->type == STT_TLS) {
        variant->tls++;
        names_add(&variant->tls_names, symbol->name);
    } else if (defined->type == STT_FUNC || defined->type == STT_GNU_IFUNC)
        variant->functions++;
    else
        variant->data++;
    variant->at_once += at_once && symbol->bind != STB_WEAK;
}

static void examine_symbol(struct variant *variant, const struct world *world, const struct elf_symbol *symbol,
                           bool at_once, size_t onto)
{
    struct elf_symbol defined, there;
    size_t l = 0;
    while (l < variant->count && !defined_in(world, variant->library[l].object, symbol, &defined))
        l++;
    if (l == variant->count)
        return;
    count_name(variant, symbol, &defined, at_once);
    if (means_another(&world_object(world, variant->library[l].object)->image, symbol, &defined))
        names_add(&variant->other_version, symbol->name);
    if (onto != WORLD_NONE && !defined_in(world, onto, symbol, &there) && symbol->bind != STB_WEAK)
        names_add(&variant->absent, symbol->name);
}

int variant_examine(struct variant *variant, const struct world *world, size_t loader, size_t onto,
                    struct graft_error *error)
{
    const struct elf_image *image = &world_object(world, loader)->image;
    uint32_t count = variant_symbol_count(image, NULL);
    unsigned char *at_once = calloc((size_t)count + 1, 1);
    struct elf_symbol symbol;
    if (!at_once)
        return error_set(error, GRAFT_ENOMEM, "out of memory while looking at symbols");
    mark_at_once(image, at_once, count);
    for (uint32_t i = 1; i < count; i++) {
        if (!elf_symbol_at(image, i, &symbol) || symbol.section != SHN_UNDEF || !*symbol.name)
            continue;
        elf_symbol_version(image, &symbol);
        examine_symbol(variant, world, &symbol, at_once[i], onto);
    }
    free(at_once);
    return 0;
}
