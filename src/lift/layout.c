/* SPDX-License-Identifier: MIT */
/* Makes the linker script. Invariant: a module's place is a function of the section
 * names in its object alone, so that objects lifted earlier, or by someone else, are linked
 * like those of this run. */

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "elf/section.h"
#include "file/mapping.h"
#include "lift/layout.h"
#include "lift/output.h"

enum {
    PREFIX = sizeof ".graft." - 1,
    HEADERS_MAX = 65536 / 56,       /* program headers that the kernel reads */
    HEADERS_OWN = 24                /* what the program itself may need, rounded up */
};

struct place { uint64_t offset; const char *section; };

struct layout_module {
    const char *id;
    uint64_t align;
    struct arena_list places;
};

void layout_init(struct layout *layout, struct arena *arena)
{
    *layout = (struct layout){ .arena = arena,
        .modules = { .arena = arena, .element_size = sizeof(struct layout_module) } };
}

/* .graft.ID.OFFSET */
static bool split_name(const char *name, char id[64], uint64_t *offset)
{
    const char *dot = strncmp(name, ".graft.m", PREFIX + 1) ? NULL : strchr(name + PREFIX, '.');
    char *end;
    if (!dot || dot - name - PREFIX >= 64 || !dot[1])
        return false;
    memcpy(id, name + PREFIX, (size_t)(dot - name - PREFIX));
    id[dot - name - PREFIX] = 0;
    errno = 0;
    *offset = strtoull(dot + 1, &end, 16);
    return !*end && !errno;
}

static struct layout_module *find_module(struct layout *layout, const char *id)
{
    size_t count = layout->modules.count;
    struct layout_module *last = count ? arena_list_at(&layout->modules, count - 1) : NULL;
    if (last && !strcmp(last->id, id))
        return last;
    struct layout_module *module = arena_list_push(&layout->modules);
    if (module)
        *module = (struct layout_module){ .id = arena_string(layout->arena, id), .align = 4096,
            .places = { .arena = layout->arena, .element_size = sizeof(struct place) } };
    return module && module->id ? module : NULL;
}

static int add_section(struct layout *layout, const struct elf_section *section)
{
    char id[64];
    uint64_t offset;
    if (!split_name(section->name, id, &offset))
        return 0;
    struct layout_module *module = find_module(layout, id);
    struct place *place = module ? arena_list_push(&module->places) : NULL;
    if (!place)
        return -GRAFT_ENOMEM;
    *place = (struct place){ offset, arena_string(layout->arena, section->name) };
    layout->segments += section->type != SHT_NOBITS;
    return place->section ? 0 : -GRAFT_ENOMEM;
}

int layout_add_object(struct layout *layout, const char *path, struct graft_error *error)
{
    struct mapping mapping;
    struct elf_sections sections;
    struct elf_section section;
    int result = mapping_open(&mapping, path, error);
    if (result)
        return result;
    result = elf_sections_open(&sections, mapping.bytes, mapping.size, error);
    for (size_t i = 1; !result && elf_section_at(&sections, i, &section); i++)
        result = add_section(layout, &section);
    mapping_close(&mapping);
    return result ? error_about(error, -result, path, "", "%s: its sections cannot be read", path) : 0;
}

bool layout_is_crowded(const struct layout *layout)
{
    return layout->segments + HEADERS_OWN > HEADERS_MAX;
}

bool layout_fits_kernel(size_t headers)
{
    return headers <= HEADERS_MAX;
}

static void write_module(FILE *to, const struct layout_module *module)
{
    fprintf(to, "  . = ALIGN(%" PRIu64 ");\n  __graft_at_%s = .;\n", module->align, module->id);
    for (size_t i = 0; i < module->places.count; i++) {
        const struct place *place = arena_list_at(&module->places, i);
        fprintf(to, "  . = __graft_at_%s + 0x%" PRIx64 ";\n  %s . : SUBALIGN(1) { KEEP(*(%s)) }\n", module->id,
                place->offset, place->section, place->section);
    }
}

int layout_write(const struct layout *layout, const char *path, struct graft_error *error)
{
    FILE *to = fopen(path, "we");
    if (!to)
        return error_about(error, GRAFT_ESYS, path, "", "%s: %s", path, strerror(errno));
    fprintf(to, "SECTIONS {\n"
                "  graft_modules : { __start_graft_modules = .; KEEP(*(graft_modules)) __stop_graft_modules = .; }\n"
                "}\nINSERT AFTER .rodata;\nSECTIONS {\n");
    for (size_t i = 0; i < layout->modules.count; i++)
        write_module(to, arena_list_at(&layout->modules, i));
    /* A byte of no file in front: the table must have a segment of its own. */
    fprintf(to, "  .graft.gap : { . = . + 1; }\n  . = ALIGN(4096);\n  .graft.main . : { KEEP(*(.graft.main)) }\n"
                "}\nINSERT AFTER .bss;\n");
    bool failed = ferror(to);
    return fclose(to) || failed ? error_about(error, GRAFT_ESYS, path, "", "%s: cannot be written", path) : 0;
}
