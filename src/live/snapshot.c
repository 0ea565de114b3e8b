/* SPDX-License-Identifier: MIT */
/* Reads the objects of this process, in every namespace, into a world. Invariant: all is
 * read inside one dl_iterate_phdr, whose lock keeps objects from going; nothing
 * in there allocates from malloc, looks up symbols or opens files.
 *
 * dl_iterate_phdr shows the caller's namespace only; the others hang on
 * r_debug.r_next (r_version 2, glibc 2.35). */

#include "live/snapshot.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "base/feature.h"
#include "base/text.h"
#include "elf/reloc.h"

/* The type of the note "graft" in objects that graft made. */
enum { STAND_IN_NOTE = 2 };

/* What dl_iterate_phdr tells of one object and link_map does not. */
struct header_info {
    uint64_t bias;
    const ElfW(Phdr) *headers;
    size_t count;
    const ElfW(Dyn) *dynamic;
    const char *name;
    uint64_t tls_module;
    const void *tls_block;
};

static const ElfW(Dyn) *dynamic_of(uint64_t bias, const ElfW(Phdr) *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (headers[i].p_type == PT_DYNAMIC)
            return (const ElfW(Dyn) *)(uintptr_t)(bias + headers[i].p_vaddr);
    return NULL;
}

static int collect(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct snapshot *v = arg;
    struct header_info *h = arena_list_push(&v->infos);
    if (!h)
        return 1;
    *h = (struct header_info){
        .bias = info->dlpi_addr, .headers = info->dlpi_phdr, .count = info->dlpi_phnum,
        .dynamic = dynamic_of(info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum),
        .name = info->dlpi_name };
    if (size > offsetof(struct dl_phdr_info, dlpi_tls_data)) {
        h->tls_module = info->dlpi_tls_modid;
        h->tls_block = info->dlpi_tls_data;
    }
    return 0;
}

/* r_debug, from the one object that has a DT_DEBUG: the main program. */
static const struct r_debug *debug_of(const struct snapshot *v)
{
    for (size_t i = 0; i < v->infos.count; i++) {
        const struct header_info *h = arena_list_at(&v->infos, i);
        for (const ElfW(Dyn) *d = h->dynamic; d && d->d_tag != DT_NULL; d++)
            if (d->d_tag == DT_DEBUG && d->d_un.d_ptr)
                return (const struct r_debug *)d->d_un.d_ptr;
    }
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    uint64_t bias = 0;
    for (size_t i = 0; headers && i < count; i++)
        if (headers[i].p_type == PT_PHDR)
            bias = (uintptr_t)headers - headers[i].p_vaddr;
    for (const ElfW(Dyn) *d = headers ? dynamic_of(bias, headers, count) : NULL;
         d && d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_DEBUG && d->d_un.d_ptr)
            return (const struct r_debug *)d->d_un.d_ptr;
    return NULL;
}

/* A static-pie has an r_debug as well, with nothing but itself in it: it asked for
 * no loader and needs no library. */
static bool is_static(const struct snapshot *v)
{
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    size_t count = getauxval(AT_PHNUM);
    for (size_t i = 0; headers && i < count; i++)
        if (headers[i].p_type == PT_INTERP)
            return false;
    for (size_t i = 0; i < v->infos.count; i++) {
        const struct header_info *h = arena_list_at(&v->infos, i);
        for (const ElfW(Dyn) *d = h->headers == headers ? h->dynamic : NULL; d && d->d_tag != DT_NULL; d++)
            if (d->d_tag == DT_NEEDED)
                return false;
    }
    return true;
}

/* Both lists are in the same order, in the caller's own namespace. */
static const struct header_info *info_of(const struct snapshot *v, const struct link_map *map)
{
    size_t n = v->infos.count, first = v->world->objects.count - 1;
    for (size_t k = 0; k < n; k++) {
        const struct header_info *h = arena_list_at(&v->infos, (first + k) % n);
        if (h->bias == map->l_addr && h->dynamic == map->l_ld)
            return h;
    }
    return NULL;
}

/* The headers of an object in another namespace: at its load address, which is
 * asked for through the kernel because nothing promises that it is readable. */
static bool headers_at(const struct link_map *map, struct header_info *h)
{
    ElfW(Ehdr) header;
    struct iovec to = { &header, sizeof header }, from = { (void *)map->l_addr, sizeof header };
    if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != (ssize_t)sizeof header)
        return false;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_phentsize != sizeof(ElfW(Phdr)))
        return false;
    h->headers = (const ElfW(Phdr) *)(map->l_addr + header.e_phoff);
    h->count = header.e_phnum;
    h->bias = map->l_addr;
    return true;
}

static uint64_t thread_pointer(void)
{
    return (uint64_t)(uintptr_t)__builtin_thread_pointer();
}

static void add_spans(struct world_object *object)
{
    struct elf_image *image = &object->image;
    for (unsigned i = 0; i < image->segment_count; i++)
        if (image->segment[i].flags & PF_R)
            elf_image_add_span(image, image->segment[i].vaddr, image->segment[i].memsz,
                               (const void *)(uintptr_t)(image->bias + image->segment[i].vaddr));
}

/* ld.so lists an object before it relocates it (also after RT_CONSISTENT, before
 * glibc 2.36): a relative relocation tells, or better those of the PLT, whose turn comes
 * last. One of them that has left the object's link addresses is enough; several are
 * looked at, as a program that is not position-independent may lie at such addresses.
 * The program itself was there before us. */
static bool is_relocated(const struct elf_image *image)
{
    const struct elf_span *hint = NULL;
    bool seen = false;
    uint64_t value;
    for (unsigned t = ELF_RELOC_TABLES; image->arch && image->bias && t-- > 0 && !seen;)
        for (size_t i = 0; i < image->relocs[t].count && i < 512; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            enum elf_reloc_class class = elf_reloc_class(image->arch, reloc.type);
            if ((class != ELF_RELOC_RELATIVE && class != ELF_RELOC_JUMP_SLOT)
                || !elf_slot_read(image, &hint, reloc.offset, &value) || !value)
                continue;
            if (value - image->low >= image->high - image->low)
                return true;
            seen = true;
        }
    return !seen;
}

static bool is_graft(const struct elf_image *image)
{
    const char *soname = image->soname;
    static const char *const names[] = { "libgraft.so.0", "libgraft-preload.so", "libgraft-compat.so.0" };
    for (size_t i = 0; soname && i < sizeof names / sizeof *names; i++)
        if (!strcmp(soname, names[i]))
            return true;
    return false;
}

static void describe(struct snapshot *v, struct world_object *object, const struct header_info *h)
{
    struct graft_error failure = { 0 };
    uint16_t type = object->is_main && h->bias == 0 ? ET_EXEC : ET_DYN;
    int result = elf_image_begin(&object->image, FEATURE_MACHINE, type,
                                 FEATURE_CLASS, false, h->headers, h->count, sizeof(ElfW(Phdr)), h->bias, &failure);
    if (!result) {
        object->image.relocated = true;
        add_spans(object);
        result = elf_image_decode(&object->image, &failure);
    }
    if (result) {
        const char *why = arena_string(&v->world->arena, failure.text);
        object->broken = why ? why : "out of memory";
    }
    if (!object->broken && !object->is_main && !is_relocated(&object->image)) {
        object->broken = "it is still being loaded";
        v->in_motion = true;
    }
    object->tls_module = h->tls_module;
    object->image.patches = v->patches;
    size_t size;
    object->is_stand_in = !object->broken && elf_image_note(&object->image, "graft", STAND_IN_NOTE, &size);
    object->is_graft = object->is_stand_in || (!object->broken && is_graft(&object->image));
}

int snapshot_add(struct snapshot *v, const struct walk *at)
{
    const struct link_map *map = at->map;
    struct header_info own = { 0 };
    const struct header_info *h = info_of(v, map);
    struct world_object *object = world_add(v->world);
    if (!object)
        return -GRAFT_ENOMEM;
    object->space = at->space;
    object->link_map = (uintptr_t)map;
    object->is_main = at->first && at->space == 0;
    if (object->is_main)
        v->world->main = v->world->objects.count - 1;
    const char *name = object->is_main ? v->program : map->l_name && *map->l_name ? map->l_name : "(no name)";
    object->path = arena_string(&v->world->arena, name);
    if (!object->path)
        return -GRAFT_ENOMEM;
    if (!h && headers_at(map, &own))
        h = &own;
    if (!h) {
        object->broken = "its program headers cannot be read";
        object->image.bias = map->l_addr;
        return 0;
    }
    describe(v, object, h);
    object->is_vdso = world_start(object) == getauxval(AT_SYSINFO_EHDR);
    if (object->tls_module && h->tls_block)
        object->tls_offset = (int64_t)((uintptr_t)h->tls_block - thread_pointer());
    return 0;
}

/* The blocks of what was loaded at start lie at fixed offsets from every thread
 * pointer; those of later objects may have been allocated for one thread only. */
static int mark_static_tls(struct world *world)
{
    struct arena scratch = { 0 };
    size_t *order = arena_array(&scratch, world->objects.count, sizeof *order), count = 0;
    world_set seen = world_set_new(world, &scratch);
    if (!order || !seen) {
        arena_free(&scratch);
        return -GRAFT_ENOMEM;
    }
    world_closure(world, world->main, seen, order, &count);
    for (size_t i = 0; i < count; i++) {
        struct world_object *o = world_object(world, order[i]);
        o->tls_static = o->tls_module && o->tls_offset;
    }
    arena_free(&scratch);
    return 0;
}

/* All objects before ld.so in the base namespace were loaded at start and are never
 * unloaded, nor is what they need, which may stand behind it. */
static int mark_permanent(struct world *world, uint64_t loader)
{
    struct arena scratch = { 0 };
    size_t last = WORLD_NONE, *order = arena_array(&scratch, world->objects.count, sizeof *order), count;
    world_set needed = world_set_new(world, &scratch);
    for (size_t i = 0; i < world->objects.count; i++)
        if (world_object(world, i)->space == 0 && world_object(world, i)->image.bias == loader) {
            last = i;
            world_object(world, i)->is_loader = true;
        }
    for (size_t i = 0; order && needed && last != WORLD_NONE && i <= last; i++)
        world_closure(world, i, needed, order, &count);
    for (size_t i = 0; order && needed && i < world->objects.count; i++)
        world_object(world, i)->permanent = needed[i];
    int result = order && needed ? 0 : -GRAFT_ENOMEM;
    arena_free(&scratch);
    return result;
}

int snapshot_collect(struct snapshot *v)
{
    return dl_iterate_phdr(collect, v);
}

void snapshot_begin(struct snapshot *v)
{
    arena_free(&v->scratch);
    v->infos = (struct arena_list){ .arena = &v->scratch, .element_size = sizeof(struct header_info) };
    v->in_motion = false;
}

void snapshot_end(struct snapshot *v)
{
    arena_free(&v->scratch);
}

/* ---- the lists ---------------------------------------------------------- */

/* glibc 2.35: struct r_debug_extended, one for each namespace. */
struct debug { struct r_debug base; const struct debug *next; };

struct walk walk_start(const struct snapshot *v)
{
    const struct debug *debug = (const struct debug *)debug_of(v);
    return (struct walk){ debug, debug ? debug->base.r_map : NULL, 0, true };
}

void walk_next(struct walk *w)
{
    w->first = false;
    w->map = w->map->l_next;
    while (!w->map && w->debug) {
        w->debug = w->debug->base.r_version >= 2 ? w->debug->next : NULL;
        w->map = w->debug ? w->debug->base.r_map : NULL;
        w->space += w->debug != NULL;
        w->first = true;
    }
}

int snapshot_build(struct snapshot *v, struct graft_error *error)
{
    const struct debug *debug = (const struct debug *)debug_of(v);
    if (!debug || is_static(v))
        return error_set(error, GRAFT_ESTATIC,
                         "this program is static: it has no loaded objects, nothing can be rebound");
    ssize_t length = readlink("/proc/self/exe", v->program, sizeof v->program - 1);
    if (length <= 0)
        text_copy(v->program, sizeof v->program, program_invocation_name);
    int result = 0;
    for (struct walk w = walk_start(v); w.map && !result; walk_next(&w))
        result = snapshot_add(v, &w);
    if (!result)
        result = mark_permanent(v->world, debug->base.r_ldbase);
    if (!result && v->world->main != WORLD_NONE)
        result = mark_static_tls(v->world);
    return result ? error_set(error, GRAFT_ENOMEM, "out of memory while listing objects") : 0;
}
