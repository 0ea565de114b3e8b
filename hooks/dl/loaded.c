/* SPDX-License-Identifier: MIT */
/* The loader's lists before and after. They are read inside dl_iterate_phdr, which
 * holds the lock that they change under: nothing is allocated there but by mmap, and
 * no function of the loader is called. Its own dlpi_subs is not used: where there are
 * several namespaces glibc counts their objects more than once. */

#include "loaded.h"

#include <sys/mman.h>

#include "common/feature.h"

struct walk {
    bool (*each)(const struct link_map *, void *arg);
    void *arg;
    unsigned long long added;
};

static int walk_all(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    struct walk *walk = arg;
    walk->added = info->dlpi_adds;
    for (const struct r_debug *space = &_r_debug; space; space = feature_next_space(space)) {
        for (const struct link_map *map = space->r_map; map; map = map->l_next) {
            if (!walk->each(map, walk->arg))
                return 1;
        }
    }
    return 1;
}

static bool count_one(const struct link_map *map, void *arg)
{
    (void)map;
    (*(unsigned long long *)arg)++;
    return true;
}

struct loads loaded_now(void)
{
    unsigned long long present = 0;
    struct walk walk = { count_one, &present, 0 };
    dl_iterate_phdr(walk_all, &walk);
    return (struct loads){ walk.added, present };
}

unsigned long long loaded_new(const struct loads *before)
{
    return loaded_now().added - before->added;
}

unsigned long long loaded_gone(const struct loads *before)
{
    struct loads now = loaded_now();
    return before->present + (now.added - before->added) - now.present;
}

static bool make_room(struct loaded *loaded)
{
    size_t room = loaded->room ? loaded->room * 2 : 512;
    void *memory = mmap(NULL, room * sizeof(void *), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    const struct link_map **maps = memory;
    for (size_t i = 0; i < loaded->count; i++)
        maps[i] = loaded->maps[i];
    loaded_free(loaded);
    loaded->maps = maps;
    loaded->room = room;
    return true;
}

static bool list_one(const struct link_map *map, void *arg)
{
    struct loaded *loaded = arg;
    if (loaded->count == loaded->room && !make_room(loaded))
        return false;
    loaded->maps[loaded->count++] = map;
    return true;
}

void loaded_list(struct loaded *loaded)
{
    struct walk walk = { list_one, loaded, 0 };
    *loaded = (struct loaded){ NULL, 0, 0 };
    dl_iterate_phdr(walk_all, &walk);
}

void loaded_free(struct loaded *loaded)
{
    if (loaded->maps)
        munmap(loaded->maps, loaded->room * sizeof(void *));
    loaded->maps = NULL;
    loaded->room = 0;
}

struct search {
    const struct loaded *before;
    struct report *report;
    const char *separator;
    bool json, any;
};

static bool add_one(const struct link_map *map, void *arg)
{
    struct search *search = arg;
    for (size_t i = 0; i < search->before->count; i++) {
        if (search->before->maps[i] == map)
            return true;
    }
    if (search->any || !search->json)
        report_add(search->report, "%s", search->separator);
    if (search->json)
        report_json(search->report, map->l_name);
    else
        report_add(search->report, "%s", map->l_name);
    search->any = true;
    return true;
}

void loaded_add_new(const struct loaded *before, struct report *report, const char *separator, bool json)
{
    struct search search = { before, report, separator, json, false };
    struct walk walk = { add_one, &search, 0 };
    dl_iterate_phdr(walk_all, &walk);
}
