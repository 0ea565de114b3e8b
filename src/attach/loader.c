/* SPDX-License-Identifier: MIT */
/* Finds and walks r_debug of a running target. Invariant: every list is bounded,
 * and a list that changes under our eyes is read again, never repaired.
 *
 *   auxv ─▶ program headers ─▶ DT_DEBUG ─▶ r_debug ─▶ link_map ⇄ link_map ⇄ …
 *                                             └ r_next (version 2) ─▶ next namespace
 *
 * A program without DT_DEBUG, or started as an argument of its loader, is found
 * by the loader's own symbol _r_debug. */

#include "attach/loader.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "attach/fetch.h"
#include "base/error.h"
#include "elf/symbol.h"

enum { MAPS_MAX = 16384, SPACES_MAX = 64, ROUNDS = 60, AGAIN = 1 };

/* ---- where it begins ---------------------------------------------------- */

static int read_start(struct loader_start *start, const struct process *process, struct graft_error *error)
{
    ElfW(auxv_t) vector[64];
    ssize_t length = process_file(process, "auxv", vector, sizeof vector);
    memset(start, 0, sizeof *start);
    for (size_t i = 0; length > 0 && i < (size_t)length / sizeof *vector; i++)
        switch (vector[i].a_type) {
        case AT_PHDR:  start->headers = vector[i].a_un.a_val; break;
        case AT_PHENT: start->header_size = vector[i].a_un.a_val; break;
        case AT_PHNUM: start->header_count = vector[i].a_un.a_val; break;
        case AT_BASE:  start->interpreter = vector[i].a_un.a_val; break;
        case AT_ENTRY: start->entry = vector[i].a_un.a_val; break;
        case AT_SYSINFO_EHDR: start->vdso = vector[i].a_un.a_val; break;
        default: break;
        }
    char byte;
    if (!start->headers || !process_read(process, start->headers, &byte, 1))
        return error_set(error, GRAFT_EGONE, "process %d is gone, or runs another program now", process->pid);
    return 0;
}

static int static_program(const struct process *process, struct graft_error *error)
{
    return error_about(error, GRAFT_ESTATIC, process->program, "", "process %d runs a static program: it has "
                       "no loaded objects, nothing can be rebound", process->pid);
}

static int not_ready(const struct process *process, struct graft_error *error)
{
    return error_set(error, GRAFT_EBUSY, "process %d has not finished starting, or its loader's list is damaged",
                     process->pid);
}

/* The loader's symbol, out of the loader itself. */
static uint64_t debug_by_name(const struct process *process, struct arena *arena, const struct loader_start *start)
{
    struct fetch_headers headers = { .address = start->headers, .count = start->header_count,
                                     .entry_size = start->header_size, .type = process->type };
    uint64_t bias = start->interpreter ? start->interpreter : start->entry - process->entry;
    struct elf_image image;
    struct elf_wanted wanted = { .name = "_r_debug" };
    struct elf_symbol symbol;
    int result = start->interpreter ? fetch_headers_of(&headers, process, arena, bias, NULL)
                                    : fetch_headers_at(&headers, process, arena, NULL);
    if (result || fetch_image(&image, process, arena, &headers, bias, FETCH_TABLES, NULL)
        || elf_lookup(&image, &wanted, &symbol) != ELF_FOUND)
        return 0;
    return bias + symbol.value;
}

static uint64_t debug_by_tag(const struct process *process, const ElfW(Phdr) *dynamic, uint64_t bias)
{
    ElfW(Dyn) entry;
    for (uint64_t at = 0; at + sizeof entry <= dynamic->p_memsz && at < 65536; at += sizeof entry) {
        if (!process_read(process, bias + dynamic->p_vaddr + at, &entry, sizeof entry) || entry.d_tag == DT_NULL)
            return 0;
        if (entry.d_tag == DT_DEBUG)
            return entry.d_un.d_ptr;
    }
    return 0;
}

static int find_debug(uint64_t *debug, const struct process *process, struct arena *arena,
                      struct loader_start *start, struct graft_error *error)
{
    struct fetch_headers headers = { .address = start->headers, .count = start->header_count,
                                     .entry_size = start->header_size };
    const ElfW(Phdr) *dynamic = NULL;
    int result = fetch_headers_at(&headers, process, arena, error);
    if (result)
        return result;
    const ElfW(Phdr) *header = headers.bytes;
    for (size_t i = 0; i < headers.count; i++) {
        if (header[i].p_type == PT_DYNAMIC)
            dynamic = &header[i];
        start->interpreted |= header[i].p_type == PT_INTERP;
    }
    if (!dynamic)
        return static_program(process, error);
    *debug = debug_by_tag(process, dynamic, start->entry - process->entry);
    if (!*debug)
        *debug = debug_by_name(process, arena, start);
    if (*debug)
        return 0;
    return start->interpreted ? AGAIN : static_program(process, error);
}

/* ---- one reading -------------------------------------------------------- */

static int walk_space(struct loader_list *list, const struct process *process, const struct loader_space *space)
{
    uint64_t address = space->raw.map, previous = 0;
    while (address) {
        struct loader_map *map = list->maps.count < MAPS_MAX ? arena_list_push(&list->maps) : NULL;
        if (!map || !process_read(process, address, &map->raw, sizeof map->raw))
            return AGAIN;
        if (map->raw.previous != previous)
            return AGAIN;
        map->address = previous = address;
        map->space = (unsigned)list->spaces.count - 1;
        address = map->raw.next;
    }
    return 0;
}

/* r_next exists from version 2 on (glibc 2.35). */
static int walk(struct loader_list *list, const struct process *process, uint64_t debug)
{
    while (debug && list->spaces.count < SPACES_MAX) {
        struct loader_space *space = arena_list_push(&list->spaces);
        if (!space)
            return -GRAFT_ENOMEM;
        space->address = debug;
        space->size = offsetof(struct loader_space, raw.next) - offsetof(struct loader_space, raw);
        if (!process_read(process, debug, &space->raw, space->size) || space->raw.version < 1)
            return AGAIN;
        if (space->raw.version >= 2) {
            space->size = sizeof space->raw;
            if (!process_read(process, debug, &space->raw, space->size))
                return AGAIN;
        }
        int result = walk_space(list, process, space);
        if (result)
            return result;
        debug = space->raw.version >= 2 ? space->raw.next : 0;
    }
    return list->maps.count ? 0 : AGAIN;
}

static bool consistent(const struct loader_list *list)
{
    for (size_t i = 0; i < list->spaces.count; i++)
        if (((struct loader_space *)arena_list_at(&list->spaces, i))->raw.state != RT_CONSISTENT)
            return false;
    return true;
}

static bool same(const struct loader_list *a, const struct loader_list *b)
{
    if (a->maps.count != b->maps.count || a->spaces.count != b->spaces.count)
        return false;
    for (size_t i = 0; i < a->maps.count; i++)
        if (memcmp(arena_list_at(&a->maps, i), arena_list_at(&b->maps, i), sizeof(struct loader_map)))
            return false;
    return true;
}

static void begin(struct loader_list *list)
{
    memset(list, 0, sizeof *list);
    list->maps = (struct arena_list){ .arena = &list->arena, .element_size = sizeof(struct loader_map) };
    list->spaces = (struct arena_list){ .arena = &list->arena, .element_size = sizeof(struct loader_space) };
}

/* Empties @list: its arena lists point at its own arena, so that it never moves. */
static void empty(struct loader_list *list)
{
    struct loader_start start = list->start;
    arena_free(&list->arena);
    begin(list);
    list->start = start;
}

static int read_once(struct loader_list *list, const struct process *process, struct graft_error *error)
{
    uint64_t debug = 0;
    empty(list);
    int result = find_debug(&debug, process, &list->arena, &list->start, error);
    return result ? result : walk(list, process, debug);
}

/* ---- until it is good --------------------------------------------------- */

static void pause_shortly(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* A static PIE tells a debugger of itself, and of nothing else. */
static bool is_alone(const struct loader_list *list)
{
    for (size_t i = 1; i < list->maps.count; i++)
        if (((struct loader_map *)arena_list_at(&list->maps, i))->raw.bias != list->start.vdso)
            return false;
    return !list->start.interpreted;
}

/* A target that opens and closes libraries all the time never agrees with itself:
 * then its last complete list has to do, which is checked again before a write. */
int loader_read(struct loader_list *list, const struct process *process, struct graft_error *error)
{
    struct loader_list second;
    struct process_look look;
    bool complete = false;
    begin(list);
    begin(&second);
    int result = read_start(&list->start, process, error);
    second.start = list->start;
    for (int round = 0; !result && round < ROUNDS; round++) {
        result = read_once(list, process, error);
        complete = result == 0;
        if (complete && consistent(list) && !read_once(&second, process, NULL) && same(list, &second))
            break;
        if (result == AGAIN)
            result = process_look(process, &look, error);
        if (!result && round + 1 < ROUNDS)
            pause_shortly();
    }
    arena_free(&second.arena);
    if (!result && !complete)
        result = not_ready(process, error);
    return !result && is_alone(list) ? static_program(process, error) : result;
}

void loader_free(struct loader_list *list)
{
    arena_free(&list->arena);
}

int loader_witness(const struct loader_list *list, struct witness *witness)
{
    int result = 0;
    for (size_t i = 0; i < list->spaces.count && !result; i++) {
        struct loader_space space = *(struct loader_space *)arena_list_at(&list->spaces, i);
        space.raw.state = RT_CONSISTENT;
        result = witness_add(witness, space.address, &space.raw, space.size);
    }
    for (size_t i = 0; i < list->maps.count && !result; i++) {
        const struct loader_map *map = arena_list_at(&list->maps, i);
        result = witness_add(witness, map->address, &map->raw, sizeof map->raw);
    }
    return result;
}
