/* SPDX-License-Identifier: MIT */
/* The registry's one global, its lock and its tables. Invariant: set up once, by the
 * first call of the family, in time proportional to the modules, not to their symbols; it
 * never calls malloc, which a module may replace. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "registry/names.h"
#include "registry/state.h"

extern char **environ;
extern const struct graft_record __start_graft_modules[] __attribute__((weak, visibility("hidden")));
extern const struct graft_record __stop_graft_modules[] __attribute__((weak, visibility("hidden")));

static struct registry registry;
static pthread_mutex_t lock;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_ready;
static unsigned depth;              /* how often the lock's owner holds it */
static char **first_environ;

static struct { char *at; size_t left; } memory;

void *registry_alloc(size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (size > memory.left) {
        size_t chunk = size > 1 << 16 ? (size + 4095) & ~(size_t)4095 : 1 << 18;
        void *at = mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            return NULL;
        if (chunk == size)
            return at;
        memory.at = at;
        memory.left = chunk;
    }
    void *result = memory.at;
    memory.at += size;
    memory.left -= size;
    return result;
}

bool module_list_add(struct module ***list, size_t *count, size_t *room, struct module *module)
{
    if (*count == *room) {
        size_t more = *room ? *room * 2 : 64;
        struct module **grown = registry_alloc(more * sizeof *grown);
        if (!grown)
            return false;
        if (*count)
            memcpy(grown, *list, *count * sizeof *grown);
        *list = grown;
        *room = more;
    }
    (*list)[(*count)++] = module;
    return true;
}

void module_list_remove(struct module **list, size_t *count, const struct module *module)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (list[i] != module)
            list[kept++] = list[i];
    *count = kept;
}

/* ---- tables ------------------------------------------------------------------------ */

/* A bucket keeps the order of registration: the first of a name is the one. */
static void put(struct module **place, struct module *module, size_t next)
{
    while (*place)
        place = (struct module **)((char *)*place + next);
    *place = module;
}

static void put_everywhere(struct registry *r, struct module *m)
{
    size_t mask = r->buckets - 1;
    put(&r->path_bucket[name_hash(m->path) & mask], m, offsetof(struct module, by_path));
    put(&r->base_bucket[name_hash(base_name(m->path)) & mask], m, offsetof(struct module, by_base));
    if (m->soname)
        put(&r->soname_bucket[name_hash(m->soname) & mask], m, offsetof(struct module, by_soname));
}

static bool make_tables(struct registry *r, size_t wanted)
{
    size_t buckets = 64;
    while (buckets < wanted * 2)
        buckets *= 2;
    struct module **all = registry_alloc(3 * buckets * sizeof *all);
    if (!all)
        return false;
    r->path_bucket = all;
    r->soname_bucket = all + buckets;
    r->base_bucket = all + 2 * buckets;
    r->buckets = buckets;
    for (size_t i = 0; i < r->count; i++) {
        struct module *m = r->modules[i];
        m->by_path = m->by_soname = m->by_base = NULL;
        put_everywhere(r, m);
    }
    return true;
}

static void fill(struct module *m, const struct graft_record *record, const struct graft_registry_module *hand)
{
    m->record = record;
    m->hand = hand;
    m->path = record ? graft_offset_at(&record->path) : hand->path;
    m->soname = record ? graft_offset_at(&record->soname) : hand->soname;
    m->map.l_name = (char *)m->path;
    if (record && record->flags & GRAFT_RECORD_IMAGE) {
        m->map.l_addr = (uintptr_t)graft_offset_at(&record->base) - record->low;
        m->map.l_ld = (void *)(m->map.l_addr + record->dynamic);
    }
}

static struct module *add(struct registry *r, struct module *m, const struct graft_record *record,
                          const struct graft_registry_module *hand)
{
    fill(m, record, hand);
    m->number = (unsigned)r->count;
    if (!module_list_add(&r->modules, &r->count, &r->room, m))
        return NULL;
    if (r->count > r->buckets)
        return make_tables(r, r->count * 2) ? m : NULL;
    put_everywhere(r, m);
    return m;
}

struct module *registry_register(struct registry *r, const struct graft_record *record,
                                 const struct graft_registry_module *hand)
{
    struct module *m = registry_alloc(sizeof *m);
    return m ? add(r, m, record, hand) : NULL;
}

/* ---- set up ------------------------------------------------------------------------- */

/* The kernel puts argc, argv and the environment behind each other on the stack; neither
 * libc tells a static program's libraries where. */
static void find_arguments(struct registry *r)
{
    char **end = first_environ - 1;
    if (!first_environ || *end)
        return;
    for (long n = 0; n < 1 << 20; n++)
        if ((long)end[-n - 1] == n) {
            r->argc = (int)n;
            r->argv = end - n;
            return;
        }
}

static void read_environment(struct registry *r)
{
    const char *debug = getenv("GRAFT_DEBUG");
    r->secure = getauxval(AT_SECURE) != 0;
    if (r->secure)
        return;
    r->debug_libs = debug && (strstr(debug, "libs") || strstr(debug, "all"));
    r->debug_symbols = debug && (strstr(debug, "symbols") || strstr(debug, "all"));
    r->library_path = getenv("LD_LIBRARY_PATH");
}

static void read_records(struct registry *r)
{
    const struct graft_record *record = __start_graft_modules;
    size_t count = record ? (size_t)(__stop_graft_modules - record) : 0;
    struct module *modules = registry_alloc((count + 1) * sizeof *modules);
    r->room = count + 64;
    r->modules = registry_alloc(r->room * sizeof *r->modules);
    if (!modules || !r->modules || !make_tables(r, count + 32))
        abort();                    /* no memory before the first module: nothing can be answered */
    for (size_t i = 0; i < count; i++)
        if (!memcmp(record[i].magic, GRAFT_RECORD_MAGIC, 8) && record[i].size == sizeof *record)
            add(r, &modules[r->count], &record[i], NULL);
    r->recorded = modules;
    r->recorded_count = r->count;
}

static void make_lock(void)
{
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock, &recursive);
}

static void at_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

/* The lock's owner is the parent's thread, whose number the child's has not: to give it
 * back would fail and leave it taken. A fork inside a constructor holds it on. */
static void after_fork_in_child(void)
{
    make_lock();
    for (unsigned i = 0; i < depth; i++)
        pthread_mutex_lock(&lock);
}

static void set_up(void)
{
    make_lock();
    pthread_atfork(at_fork, after_fork, after_fork_in_child);
}

static void open_preloads(struct registry *r)
{
    char names[4096], *rest = NULL;
    const char *preload = r->secure ? NULL : getenv("LD_PRELOAD");
    if (!preload || strlen(preload) >= sizeof names)
        return;
    strcpy(names, preload);
    for (char *name = strtok_r(names, ": ", &rest); name; name = strtok_r(NULL, ": ", &rest))
        if (!dlopen(name, RTLD_NOW | RTLD_GLOBAL)) {
            static const char start[] = "graft: LD_PRELOAD: ", end[] = " is not in this executable\n";
            if (write(2, start, sizeof start - 1) < 0 || write(2, name, strlen(name)) < 0 || write(2, end, sizeof end - 1) < 0)
                continue;
        }
    error_none();
}

struct registry *registry_enter(void)
{
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    depth++;
    if (!is_ready) {
        struct registry *r = &registry;
        is_ready = true;
        if (!first_environ)
            first_environ = environ;
        find_arguments(r);
        read_environment(r);
        r->main.path = r->main.map.l_name = (char *)"";
        r->library.path = r->library.map.l_name = (char *)"libc.so.6";
        r->main.open = r->main.global = r->library.open = true;
        r->main.map.l_ld = NULL;        /* a static program has none worth the name */
        read_records(r);
        open_preloads(r);
    }
    return &registry;
}

void registry_leave(void)
{
    depth--;
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor(101))) static void remember_environment(void)
{
    first_environ = environ;
}
