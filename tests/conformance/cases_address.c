/* SPDX-License-Identifier: MIT */
/* dladdr, dlinfo, dl_iterate_phdr and the chain of link_map: what is where. */
#include "conformance.h"

static void describe(const char *what, const void *address, const void *known)
{
    Dl_info info;
    int found = dladdr(address, &info);
    say("  %s: %d\n", what, found);
    if (!found)
        return;
    say("    %s, %s, %ld into it\n", info.dli_fname ? info.dli_fname : "(no file)",
        info.dli_sname ? info.dli_sname : "(no name)",
        info.dli_saddr ? (long)((const char *)address - (const char *)info.dli_saddr) : -1);
    if (known)
        say("    base is the file's start: %d, the address is the one of dlsym: %d\n",
            memcmp(info.dli_fbase, "\177ELF", 4) == 0, info.dli_saddr == known);
}

void case_address_function(void)
{
    void *handle = open_module("libaddress.so", RTLD_NOW);
    if (!handle)
        return;
    void *function = get(handle, "addr_function");
    describe("a function", function, function);
    Dl_info info;
    struct link_map *map;
    if (function && dladdr(function, &info) && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0)
        say("  l_addr is its base: %d\n", (void *)map->l_addr == info.dli_fbase);
}

void case_address_inside(void)
{
    void *handle = open_module("libaddress.so", RTLD_NOW);
    if (!handle)
        return;
    char *function = get(handle, "addr_function"), *data = get(handle, "addr_array");
    describe("a byte in", function + 1, NULL);
    describe("in an array", data + 17, NULL);
    describe("behind an array", data + 4096 - 8, NULL);
    Dl_info info;
    if (dladdr(function, &info))
        describe("the file's head", info.dli_fbase, NULL);
}

void case_address_static(void)
{
    void *handle = open_module("libaddress.so", RTLD_NOW);
    if (!handle)
        return;
    Dl_info info;
    void *function = ((void *(*)(void))get(handle, "addr_of_static"))();
    int found = dladdr(function, &info);
    say("  found %d in %s, not by its own name: %d\n", found, found ? info.dli_fname : "",
        !found || !info.dli_sname || strcmp(info.dli_sname, "addr_static"));
}

void case_address_data(void)
{
    void *handle = open_module("libaddress.so", RTLD_NOW);
    if (!handle)
        return;
    static const char *const names[] = { "addr_data", "addr_bss", "addr_constant", "addr_array" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        describe(names[i], get(handle, names[i]), get(handle, names[i]));
}

void case_address_main(void)
{
    describe("main's function", (void *)main_value, (void *)main_value);
    describe("main's data", &main_data, &main_data);
}

void case_address_none(void)
{
    int here;
    void *block = malloc(100);
    describe("null", NULL, NULL);
    describe("the stack", &here, NULL);
    describe("the heap", block, NULL);
    free(block);
    void *handle = open_module("libaddress.so", RTLD_NOW);
    void *function = handle ? get(handle, "addr_function") : NULL;
    if (!function)
        return;
    say_close(handle);
    Dl_info info;
    say("  after dlclose: %d\n", dladdr(function, &info));
}

void case_address_extra(void)
{
    void *handle = open_module("libaddress.so", RTLD_NOW);
    if (!handle)
        return;
    static const char *const names[] = { "addr_function", "addr_data", "addr_array" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Dl_info info;
        const ElfW(Sym) *symbol = NULL;
        struct link_map *map = NULL;
        void *address = get(handle, names[i]);
        int found = dladdr1(address, &info, (void **)&symbol, RTLD_DL_SYMENT);
        say("  %s: %d", names[i], found);
        if (symbol)                         /* a function's size depends on the compiler, not on the loader */
            say(", type %d, bind %d, size %ld", ELF64_ST_TYPE(symbol->st_info), ELF64_ST_BIND(symbol->st_info),
                ELF64_ST_TYPE(symbol->st_info) == STT_FUNC ? (long)(symbol->st_size > 0) : (long)symbol->st_size);
        found = dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP);
        say("; %d, link_map of %s, the handle's: %d\n", found, map ? map->l_name : "", map == handle);
    }
}

void case_info_linkmap(void)
{
    void *handle = open_module("libbfs_root.so", RTLD_NOW);
    struct link_map *map = NULL;
    if (!handle)
        return;
    say("  dlinfo: %d\n", dlinfo(handle, RTLD_DI_LINKMAP, &map));
    say("  name %s\n", map ? map->l_name : "");
    const char *soname = NULL, *strings = NULL;
    size_t offset = 0, needed = 0;
    for (const ElfW(Dyn) *d = map ? map->l_ld : NULL; d && d->d_tag; d++) {
        if (d->d_tag == DT_STRTAB)
            strings = (const char *)d->d_un.d_ptr;
        if (d->d_tag == DT_SONAME)
            offset = d->d_un.d_val;
        needed += d->d_tag == DT_NEEDED;
    }
    if (strings && offset)
        soname = strings + offset;
    say("  soname %s, needs %zu\n", soname ? soname : "", needed);
}

void case_info_origin(void)
{
    void *handle = open_module("libstate.so", RTLD_NOW);
    char origin[4200] = "";
    Lmid_t id = 99;
    if (!handle)
        return;
    say("  origin %d", dlinfo(handle, RTLD_DI_ORIGIN, origin));
    say(" %s\n", origin);
    say("  namespace %d", dlinfo(handle, RTLD_DI_LMID, &id));
    say(" %ld\n", (long)id);
    void *self = dlopen(NULL, RTLD_NOW);
    struct link_map *map = NULL;
    say("  the program's link_map %d", dlinfo(self, RTLD_DI_LINKMAP, &map));
    say(" '%s', the namespace %d\n", map ? map->l_name : "?", dlinfo(self, RTLD_DI_LMID, &id));
}

void case_info_tls(void)
{
    void *with = open_module("libtls_general.so", RTLD_NOW), *without = open_module("libsysv.so", RTLD_NOW);
    size_t id = 4711;
    void *block = NULL;
    if (!with || !without)
        return;
    say("  with TLS: %d", dlinfo(with, RTLD_DI_TLS_MODID, &id));
    say(", an id: %d\n", id > 0 && id != 4711);
    say("  without: %d", dlinfo(without, RTLD_DI_TLS_MODID, &id));
    say(", the id %zu\n", id);
    char *variable = get(with, "tls_value");
    int status = dlinfo(with, RTLD_DI_TLS_DATA, &block);
    say("  block: %d, holds the variable: %d\n", status, block && variable >= (char *)block && variable < (char *)block + 4096);
    status = dlinfo(without, RTLD_DI_TLS_DATA, &block);
    say("  no block: %d %d\n", status, block == NULL);
}

static bool ours(const char *name)
{
    const char *folder = path_of("");
    return strncmp(name, folder, strlen(folder)) == 0;
}

static int print_name(struct dl_phdr_info *info, size_t size, void *arg)
{
    int loads = 0, dynamic = 0;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        loads += info->dlpi_phdr[i].p_type == PT_LOAD;
        dynamic += info->dlpi_phdr[i].p_type == PT_DYNAMIC;
    }
    if (ours(info->dlpi_name))
        say("  %s: %d headers, %d dynamic, loads: %d, size %d\n", info->dlpi_name, info->dlpi_phnum, dynamic,
            loads > 0, size >= sizeof *info);
    return 0;
}

void case_list_phdr(void)
{
    open_module("libbfs_root.so", RTLD_NOW);
    void *last = open_module("libstate.so", RTLD_NOW);
    dl_iterate_phdr(print_name, NULL);
    if (last)
        say_close(last);
    dl_iterate_phdr(print_name, NULL);
}

static int keep_first(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(struct dl_phdr_info *)arg = *info;
    return 1;
}

void case_list_phdr_counts(void)
{
    struct dl_phdr_info before = { 0 }, during = { 0 }, after = { 0 };
    dl_iterate_phdr(keep_first, &before);
    void *handle = open_module("libbfs_root.so", RTLD_NOW);
    dl_iterate_phdr(keep_first, &during);
    if (!handle)
        return;
    say_close(handle);
    dl_iterate_phdr(keep_first, &after);
    say("  added %lld, then %lld; taken away %lld, then %lld\n", (long long)(during.dlpi_adds - before.dlpi_adds),
        (long long)(after.dlpi_adds - during.dlpi_adds), (long long)(during.dlpi_subs - before.dlpi_subs),
        (long long)(after.dlpi_subs - during.dlpi_subs));
    say("  the program comes first, without a name: %d\n", before.dlpi_name && !*before.dlpi_name);
}

static int stop(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)info, (void)size;
    return --*(int *)arg ? 0 : 42;
}

void case_list_phdr_stop(void)
{
    int left = 2;
    open_module("libstate.so", RTLD_NOW);
    int answer = dl_iterate_phdr(stop, &left);
    say("  answer %d, left %d\n", answer, left);
}

static int print_tls(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    if (strcmp(base_name(info->dlpi_name), "libtls_general.so") == 0)
        say("  an id: %d, the block holds the variable: %d\n", info->dlpi_tls_modid > 0,
            (char *)arg >= (char *)info->dlpi_tls_data && (char *)arg < (char *)info->dlpi_tls_data + 4096);
    if (strcmp(base_name(info->dlpi_name), "libstate.so") == 0)
        say("  without TLS: %d %d\n", info->dlpi_tls_modid == 0, info->dlpi_tls_data == NULL);
    return 0;
}

void case_list_phdr_tls(void)
{
    void *handle = open_module("libtls_general.so", RTLD_NOW);
    open_module("libstate.so", RTLD_NOW);
    if (handle)
        dl_iterate_phdr(print_tls, get(handle, "tls_value"));
}

void case_list_link_map(void)
{
    void *handle = open_module("libbfs_root.so", RTLD_NOW), *self = dlopen(NULL, RTLD_NOW);
    open_module("libstate.so", RTLD_NOW);
    struct link_map *map = NULL, *before = NULL;
    if (!handle || dlinfo(self, RTLD_DI_LINKMAP, &map))
        return;
    bool chained = true, head = !map->l_prev && !*map->l_name;
    for (; map; before = map, map = map->l_next) {
        chained = chained && map->l_prev == before;
        if (ours(map->l_name))
            say("  %s\n", map->l_name);
    }
    say("  both ways: %d, the program at the head: %d\n", chained, head);
}
