/* SPDX-License-Identifier: MIT */
/* dlinfo and dl_iterate_phdr: what debuggers, unwinders and plugin hosts ask. Invariant:
 * the main program comes first and has all addresses, so that an unwinder finds every frame
 * even of a module that it was never told of. */

#include <dlfcn.h>
#include <string.h>

#include "registry/program.h"
#include "registry/state.h"

enum { LMID = 1, LINKMAP = 2, SERINFO = 4, SERINFOSIZE = 5, ORIGIN = 6, TLS_MODID = 9, TLS_DATA = 10 };

struct search_info { size_t size; unsigned count; };        /* Dl_serinfo with no folder in it */

static void *tls_block(const struct module *m)
{
    return m->record && m->record->tls_size ? (char *)__builtin_thread_pointer() + m->record->tls_offset : NULL;
}

int dlinfo(void *restrict handle, int request, void *restrict answer);

EXPORT int dlinfo(void *restrict handle, int request, void *restrict answer)
{
    struct registry *r = registry_enter();
    struct module *m = handle_module(r, handle);
    int result = 0;
    error_none();
    if (!m) {
        error_say("", "invalid handle %p", handle);
        registry_leave();
        return -1;
    }
    const char *slash = strrchr(m->path, '/');
    switch (request) {
    case LMID:        *(long *)answer = 0; break;
    case LINKMAP:     *(struct link_map **)answer = &m->map; break;
    case ORIGIN: {
        size_t length = !slash ? 1 : slash == m->path ? 1 : (size_t)(slash - m->path);
        memcpy(answer, slash ? m->path : ".", length);
        ((char *)answer)[length] = 0;
        break;
    }
    case SERINFO: case SERINFOSIZE:
        *(struct search_info *)answer = (struct search_info){ sizeof(struct search_info), 0 };
        break;
    case TLS_MODID:   *(size_t *)answer = tls_block(m) ? m->number + 2 : 0; break;
    case TLS_DATA:    *(void **)answer = tls_block(m); break;
    default:
        error_say("", "unsupported dlinfo request");
        result = -1;
    }
    registry_leave();
    return result;
}

static int tell_program(const struct registry *r, int (*each)(struct dl_phdr_info *, size_t, void *), void *data)
{
    size_t count;
    struct dl_phdr_info info = {
        .dlpi_addr = program_load(), .dlpi_name = "", .dlpi_phdr = program_headers(&count),
        .dlpi_adds = r->opens + 1, .dlpi_subs = r->closes,
    };
    info.dlpi_phnum = (Elf64_Half)count;
    for (size_t i = 0; i < info.dlpi_phnum; i++)
        if (info.dlpi_phdr[i].p_type == PT_TLS) {
            uintptr_t align = info.dlpi_phdr[i].p_align ? info.dlpi_phdr[i].p_align : 1;
            info.dlpi_tls_modid = 1;
            info.dlpi_tls_data = (char *)__builtin_thread_pointer()
                               - ((info.dlpi_phdr[i].p_memsz + align - 1) & ~(align - 1));
        }
    return each(&info, sizeof info, data);
}

EXPORT int dl_iterate_phdr(int (*each)(struct dl_phdr_info *, size_t, void *), void *data)
{
    struct registry *r = registry_enter();
    int result = tell_program(r, each, data);
    for (size_t i = 0; !result && i < r->opened_count; i++) {
        const struct module *m = r->opened[i];
        struct dl_phdr_info info = {
            .dlpi_addr = m->map.l_addr, .dlpi_name = m->path, .dlpi_adds = r->opens + 1, .dlpi_subs = r->closes,
            .dlpi_tls_modid = tls_block(m) ? m->number + 2 : 0, .dlpi_tls_data = tls_block(m),
        };
        if (m->record && m->record->headers) {
            info.dlpi_phdr = graft_offset_at(&m->record->headers);
            info.dlpi_phnum = (Elf64_Half)m->record->header_count;
        }
        result = each(&info, sizeof info, data);
    }
    registry_leave();
    return result;
}
