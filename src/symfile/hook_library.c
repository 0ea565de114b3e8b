/* SPDX-License-Identifier: MIT */
/* Reads a hook library's descriptor out of its file. Invariant: no code of it is run,
 * and every address in it is checked; pointers are what their relocations will make
 * of them. */

#include "symfile/hook_library.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/feature.h"
#include "base/text.h"
#include "elf/reloc.h"
#include "elf/symbol.h"
#include "file/files.h"

#define DESCRIPTOR "graft_hook_library"

/* The link address that the word at @vaddr will point to: a relative relocation's
 * addend, or with RELR the word itself. 0: nowhere in this file. */
static uint64_t pointer_at(const struct elf_image *image, uint64_t vaddr)
{
    const struct elf_span *hint = NULL;
    uint64_t value = 0;
    for (unsigned t = 0; t < ELF_RELOC_TABLES; t++)
        for (size_t i = 0; i < image->relocs[t].count; i++) {
            struct elf_reloc reloc = elf_reloc_at(image, &image->relocs[t], i);
            if (reloc.offset == vaddr && elf_reloc_class(image->arch, reloc.type) == ELF_RELOC_RELATIVE
                && image->relocs[t].has_addend)
                return (uint64_t)reloc.addend;
        }
    return elf_slot_read(image, &hint, vaddr, &value) ? value : 0;
}

static void copy_text(const struct elf_image *image, uint64_t vaddr, char *to, size_t size)
{
    uint64_t at = pointer_at(image, vaddr), room = at ? elf_image_room(image, at) : 0;
    const unsigned char *text = room ? elf_image_at(image, at, room) : NULL;
    size_t length = text ? strnlen((const char *)text, room) : 0;
    if (length >= size)
        length = size - 1;
    if (length)
        memcpy(to, text, length);
    to[length] = '\0';
}

static int refuse(struct graft_error *error, const char *path, const char *why)
{
    return error_about(error, GRAFT_EREFUSED, path, DESCRIPTOR, "%s: %s", path, why);
}

static int read_descriptor(struct hook_library *out, const struct elf_image *image, struct graft_error *error)
{
    struct elf_wanted wanted = { .name = DESCRIPTOR };
    struct elf_symbol symbol;
    const struct elf_span *hint = NULL;
    uint64_t size = 0, count = 0;
    if (elf_lookup(image, &wanted, &symbol) != ELF_FOUND)
        return refuse(error, out->path, "it exports no " DESCRIPTOR ": it is no hook library");
    if (!elf_slot_read(image, &hint, symbol.value + offsetof(struct graft_hook_library, size), &size)
        || size < sizeof(struct graft_hook_library)
        || !elf_slot_read(image, &hint, symbol.value + offsetof(struct graft_hook_library, count), &count))
        return refuse(error, out->path, "its descriptor is of another version of graft: build it again");
    copy_text(image, symbol.value + offsetof(struct graft_hook_library, name), out->name, sizeof out->name);
    copy_text(image, symbol.value + offsetof(struct graft_hook_library, help), out->help, sizeof out->help);
    copy_text(image, symbol.value + offsetof(struct graft_hook_library, arguments), out->arguments,
              sizeof out->arguments);
    out->count = (size_t)count;
    return out->name[0] ? 0 : refuse(error, out->path, "its descriptor has no name");
}

int hook_library_read(struct hook_library *out, const char *path, struct graft_error *error)
{
    struct world world;
    size_t index;
    world_init(&world);
    int result = files_add(&world, path, &index, error);
    if (!result) {
        const struct world_object *object = world_object(&world, index);
        text_copy(out->path, sizeof out->path, object->path);
        result = object->image.elf_class == FEATURE_CLASS && object->image.machine == FEATURE_MACHINE
               ? read_descriptor(out, &object->image, error)
               : error_about(error, GRAFT_EARCH, path, "", "%s: it is of another architecture than this graft", path);
    }
    world_free(&world);
    return result;
}
