/* SPDX-License-Identifier: MIT */
/* plthook's interface: a replacement is a hook on the calls of one object.
 * Invariants: what *oldfunc receives may be called, also where the slot was not
 * resolved; it is there before the replacement is called; giving it back takes out
 * what came after it, down to the slot's very bytes.
 *
 *      slot ──▶ newest replacement ──▶ older one ──▶ what was there
 *               .handed ───────────────▲ .handed ────▲
 */

#pragma GCC visibility push(default)
#include <graft/compat/plthook.h>
#pragma GCC visibility pop

#include <dlfcn.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "compat/compat.h"

struct slot { const char *name, *version; uintptr_t address; int protection; };

struct plthook {
    const char *in;                 /* the glob that matches the object alone */
    struct slot *slot;
    size_t count, room;
};

/* A replacement that is in place. */
struct replaced {
    void *original;                 /* kept by graft */
    void *handed;                   /* what *oldfunc received */
    void *replacement;
    const char *in, *symbol, *version;      /* interned; version NULL: none */
    struct graft_plan *plan;
    struct replaced *older;         /* of whatever slot */
};

static struct replaced *newest, *unused;    /* under the lock */

/* ---- errors ---------------------------------------------------------------- */

static __thread char message[512];

static int failed(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int failed(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return code;
}

/* graft's code and words, as plthook's. */
static int failed_with(const struct graft_error *error)
{
    static const struct { int graft, plthook; } codes[] = {
        { GRAFT_EINVAL, PLTHOOK_INVALID_ARGUMENT },  { GRAFT_ENOMEM, PLTHOOK_OUT_OF_MEMORY },
        { GRAFT_EFORMAT, PLTHOOK_INVALID_FILE_FORMAT }, { GRAFT_EARCH, PLTHOOK_INVALID_FILE_FORMAT },
        { GRAFT_ESTATIC, PLTHOOK_INVALID_FILE_FORMAT }, { GRAFT_ENOOBJ, PLTHOOK_FILE_NOT_FOUND },
        { GRAFT_EGONE, PLTHOOK_FILE_NOT_FOUND },     { GRAFT_ENOFUNC, PLTHOOK_FUNCTION_NOT_FOUND },
        { GRAFT_ETYPE, PLTHOOK_FUNCTION_NOT_FOUND } };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (error->code == -codes[i].graft)
            return failed(codes[i].plthook, "%s", error->text);
    return failed(PLTHOOK_INTERNAL_ERROR, "%s", error->text);
}

const char *plthook_error(void)
{
    return message;
}

/* ---- opening --------------------------------------------------------------- */

static void release(struct plthook *hook)
{
    if (hook->slot)
        munmap(hook->slot, hook->room * sizeof *hook->slot);
    munmap(hook, sizeof *hook);
}

static bool grow(struct plthook *hook)
{
    size_t room = hook->room ? 2 * hook->room : 512;
    void *slot = mmap(NULL, room * sizeof *hook->slot, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slot == MAP_FAILED)
        return false;
    if (hook->slot) {
        memcpy(slot, hook->slot, hook->count * sizeof *hook->slot);
        munmap(hook->slot, hook->room * sizeof *hook->slot);
    }
    hook->slot = slot;
    hook->room = room;
    return true;
}

/* With the loader's lock held. plthook knows no pointers in data. */
static int add_slot(const struct graft_slot *slot, void *arg)
{
    struct plthook *hook = arg;
    if (slot->kind != GRAFT_SLOT_JUMP_SLOT && slot->kind != GRAFT_SLOT_GLOB_DAT)
        return 0;
    if (hook->count == hook->room && !grow(hook))
        return -GRAFT_ENOMEM;
    hook->slot[hook->count++] = (struct slot){ slot->symbol, slot->version, slot->address, slot->protection };
    return 0;
}

static int open_object(plthook_t **out, const struct graft_object *object)
{
    char glob[COMPAT_GLOB_MAX];
    struct graft_error error = { 0 };
    struct plthook *hook = mmap(NULL, sizeof *hook, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (hook == MAP_FAILED)
        return failed(PLTHOOK_OUT_OF_MEMORY, "out of memory");
    compat_lock();
    hook->in = compat_glob(glob, object) ? compat_intern(glob) : NULL;
    compat_unlock();
    int result = hook->in ? graft_slots_each((void *)object->start, add_slot, hook, &error) : -GRAFT_ENOMEM;
    if (!result) {
        *out = hook;
        return PLTHOOK_SUCCESS;
    }
    release(hook);
    return result == -GRAFT_ENOMEM ? failed(PLTHOOK_OUT_OF_MEMORY, "out of memory") : failed_with(&error);
}

/* Which object is meant: the program, the one at an address, or the one of a name. */
struct wanted { const void *address; const char *name; };

static bool is_wanted(const struct graft_object *object, const struct wanted *wanted)
{
    uintptr_t address = (uintptr_t)wanted->address;
    if (wanted->address)
        return address - object->start < object->end - object->start;
    if (!wanted->name)
        return object->is_main;
    const char *slash = strrchr(object->path, '/');
    return !strcmp(object->path, wanted->name) || (object->soname && !strcmp(object->soname, wanted->name))
        || (slash && !strcmp(slash + 1, wanted->name));
}

static int open_wanted(plthook_t **out, const struct wanted *wanted)
{
    struct graft_objects *objects;
    struct graft_error error;
    const struct graft_object *object = NULL;
    if (graft_objects_snapshot(&objects, &error))
        return failed_with(&error);
    for (size_t i = 0; !object && i < graft_objects_count(objects); i++)
        if (is_wanted(graft_objects_get(objects, i), wanted))
            object = graft_objects_get(objects, i);
    int result = object ? open_object(out, object)
               : wanted->name ? failed(PLTHOOK_FILE_NOT_FOUND, "%s is not loaded", wanted->name)
               : failed(PLTHOOK_FILE_NOT_FOUND, "no loaded object covers %p", wanted->address);
    graft_objects_free(objects);
    return result;
}

static const void *address_of(void *handle)
{
    struct link_map *map;
    return dlinfo(handle, RTLD_DI_LINKMAP, &map) ? NULL : map->l_ld;
}

/* The loader knows names that no listing has: links, and the name it was needed by. */
int plthook_open(plthook_t **out, const char *name)
{
    struct wanted wanted = { .name = name };
    if (!out)
        return failed(PLTHOOK_INVALID_ARGUMENT, "plthook_open: no place for the result");
    *out = NULL;
    void *handle = name ? dlopen(name, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (handle) {
        wanted.address = address_of(handle);
        dlclose(handle);
    }
    return open_wanted(out, &wanted);
}

int plthook_open_by_handle(plthook_t **out, void *handle)
{
    if (!out)
        return failed(PLTHOOK_INVALID_ARGUMENT, "plthook_open_by_handle: no place for the result");
    *out = NULL;
    struct wanted wanted = { .address = handle && handle != RTLD_NEXT ? address_of(handle) : NULL };
    if (!wanted.address)
        return failed(PLTHOOK_FILE_NOT_FOUND, "%p is no handle of a loaded object", handle);
    return open_wanted(out, &wanted);
}

int plthook_open_by_address(plthook_t **out, void *address)
{
    if (!out)
        return failed(PLTHOOK_INVALID_ARGUMENT, "plthook_open_by_address: no place for the result");
    *out = NULL;
    if (!address)
        return failed(PLTHOOK_FILE_NOT_FOUND, "no object is at address 0");
    return open_wanted(out, &(struct wanted){ .address = address });
}

void plthook_close(plthook_t *hook)
{
    if (hook)
        release(hook);
}

/* ---- listing --------------------------------------------------------------- */

int plthook_enum_with_prot(plthook_t *hook, unsigned int *pos, const char **name, void ***address, int *protection)
{
    struct slot none = { 0 };
    bool more = *pos < hook->count;
    const struct slot *slot = more ? &hook->slot[(*pos)++] : &none;
    *name = slot->name;
    *address = (void **)slot->address;
    if (protection)
        *protection = slot->protection;
    return more ? 0 : EOF;
}

int plthook_enum(plthook_t *hook, unsigned int *pos, const char **name, void ***address)
{
    return plthook_enum_with_prot(hook, pos, name, address, NULL);
}

int plthook_enum_entry(plthook_t *hook, unsigned int *pos, plthook_entry_t *entry)
{
    return plthook_enum_with_prot(hook, pos, &entry->name, &entry->addr, NULL);
}

/* ---- replacing ------------------------------------------------------------- */

/* One reference of the object: its name and version. */
struct reference { const struct plthook *hook; const char *symbol, *version; };

static bool is_of(const struct replaced *r, const struct reference *reference)
{
    return r->in == reference->hook->in && r->symbol == reference->symbol && r->version == reference->version;
}

static struct replaced *top_of(const struct reference *reference)
{
    struct replaced *r = newest;
    while (r && !is_of(r, reference))
        r = r->older;
    return r;
}

static bool same_version(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool is_slot(const struct reference *reference, const struct slot *slot)
{
    return !strcmp(slot->name, reference->symbol) && same_version(slot->version, reference->version);
}

/* Whether the plan reaches a slot of the reference. */
static bool reaches(const struct graft_plan *plan, void *arg)
{
    const struct reference *reference = arg;
    const struct graft_edit *edit;
    for (size_t i = 0; (edit = graft_plan_edit(plan, i)); i++)
        for (size_t k = 0; edit->verdict <= GRAFT_VERDICT_SAME && k < reference->hook->count; k++)
            if (edit->slot == reference->hook->slot[k].address && is_slot(reference, &reference->hook->slot[k]))
                return true;
    return false;
}

static struct replaced *new_record(void)
{
    struct replaced *r = unused;
    if (!r)
        return compat_keep(sizeof *r);
    unused = r->older;
    memset(r, 0, sizeof *r);
    return r;
}

static int take_out(struct replaced *r, struct graft_error *error)
{
    int result = graft_plan_undo(r->plan, error);
    graft_plan_free(r->plan);
    for (struct replaced **at = &newest; *at; at = &(*at)->older)
        if (*at == r) {
            *at = r->older;
            break;
        }
    r->older = unused;
    unused = r;
    return result;
}

/* The version that a reference asks for may be one that its definition does not
 * name. */
static int find(struct graft_hook *hook, char of[COMPAT_GLOB_MAX], struct reference *reference,
                struct graft_error *error)
{
    int result = compat_find(hook, of, reaches, reference, error);
    if (result != -GRAFT_ENOFUNC || !hook->version)
        return result;
    hook->version = NULL;
    return compat_find(hook, of, reaches, reference, error);
}

/* First in place without being called, which makes the original known. */
static int put_in(struct replaced *r, struct reference *reference, void **old, struct graft_error *error)
{
    char of[COMPAT_GLOB_MAX];
    struct graft_hook hook = { .size = sizeof hook, .symbol = r->symbol, .version = r->version,
                               .replacement = r->replacement, .original = &r->original, .in = r->in,
                               .owner = "plthook" };
    int result = find(&hook, of, reference, error);
    if (result)
        return result;
    hook.flags = GRAFT_HOOK_DISABLED | GRAFT_HOOK_NO_DLSYM;
    if ((result = compat_put(&r->plan, &hook, 1, error)))
        return result;
    *old = r->handed = r->original;
    if (r->original != r->replacement && !(result = graft_plan_enable(r->plan, 1, error)))
        return 0;
    graft_plan_undo(r->plan, NULL); /* it is there already, or cannot be */
    graft_plan_free(r->plan);
    r->plan = NULL;
    return result;
}

static int push(struct reference *reference, void *function, void **old, struct graft_error *error)
{
    struct replaced *r = new_record();
    if (!r)
        return -GRAFT_ENOMEM;
    r->in = reference->hook->in;
    r->symbol = reference->symbol;
    r->version = reference->version;
    r->replacement = function;
    int result = put_in(r, reference, old, error);
    struct replaced **list = r->plan ? &newest : &unused;
    r->older = *list;
    *list = r;
    return result;
}

struct search { const struct replaced *wanted; bool found; };

/* With graft's locks held. */
static int search(const struct graft_hook_info *hook, void *arg)
{
    struct search *s = arg;
    s->found = hook->replacement == s->wanted->replacement && hook->in && !strcmp(hook->in, s->wanted->in)
            && !strcmp(hook->symbol, s->wanted->symbol);
    return s->found;
}

/* graft has dropped the hooks whose replacement's library was closed. */
static void forget_closed(const struct reference *reference)
{
    for (struct replaced *r = newest, *older; r; r = older) {
        struct search s = { .wanted = r };
        older = r->older;
        if (is_of(r, reference) && !graft_hooks_each(search, &s))
            take_out(r, NULL);
    }
}

/* What was handed out is wanted back: everything since goes, the newest first. */
static int give_back(const struct reference *reference, const struct replaced *down_to, struct graft_error *error)
{
    int result = 0;
    bool done = false;
    while (!done && !result) {
        struct replaced *top = top_of(reference);
        done = top == down_to;
        result = take_out(top, error);
    }
    return result;
}

static int replace_one(struct reference *reference, void *function, void **old, struct graft_error *error)
{
    forget_closed(reference);
    struct replaced *top = top_of(reference);
    if (top && top->replacement == function) {
        *old = top->original;       /* not itself: the object may have been opened anew */
        return 0;
    }
    if (top)
        *old = top->replacement;
    for (struct replaced *r = top; r; r = r->older)
        if (is_of(r, reference) && (function == r->handed || function == r->original))
            return give_back(reference, r, error);
    return push(reference, function, old, error);
}

/* "name", "name@VERSION" or "name@@VERSION". */
static bool is_named(const struct slot *slot, const char *wanted)
{
    size_t length = strcspn(wanted, "@");
    if (strlen(slot->name) != length || memcmp(slot->name, wanted, length))
        return false;
    const char *version = wanted + length + strspn(wanted + length, "@");
    return !*version || same_version(slot->version, version);
}

static bool is_first(const struct plthook *hook, size_t i)
{
    const struct slot *slot = &hook->slot[i];
    for (size_t k = 0; k < i; k++)
        if (!strcmp(hook->slot[k].name, slot->name) && same_version(hook->slot[k].version, slot->version))
            return false;
    return true;
}

static int replace_slot(const struct plthook *hook, const struct slot *slot, void *function, void **old,
                        struct graft_error *error)
{
    struct reference reference = { hook, compat_intern(slot->name),
                                   slot->version ? compat_intern(slot->version) : NULL };
    if (!reference.symbol || (slot->version && !reference.version))
        return -GRAFT_ENOMEM;
    return replace_one(&reference, function, old, error);
}

/* An object may refer to one name in several versions: each is a function of its
 * own. @old is that of the first. */
static int replace_all(const struct plthook *hook, const char *name, void *function, void **old)
{
    struct graft_error error = { .code = -GRAFT_ENOMEM, .text = "out of memory" };
    bool named = false, done = false;
    void *unwanted;
    for (size_t i = 0; i < hook->count; i++) {
        if (!is_named(&hook->slot[i], name) || !is_first(hook, i))
            continue;
        named = true;
        int result = replace_slot(hook, &hook->slot[i], function, old && !done ? old : &unwanted, &error);
        if (result && result != -GRAFT_ENOFUNC)
            return failed_with(&error);
        done |= !result;
    }
    return done ? PLTHOOK_SUCCESS
         : named ? failed(PLTHOOK_FUNCTION_NOT_FOUND, "%s: nothing that is loaded defines what its slot asks for", name)
         : failed(PLTHOOK_FUNCTION_NOT_FOUND, "the object has no slot for %s", name);
}

int plthook_replace(plthook_t *hook, const char *name, void *function, void **old)
{
    if (!hook || !name || !function)
        return failed(PLTHOOK_INVALID_ARGUMENT, "plthook_replace: an object, a name and a function are needed");
    compat_lock();
    int result = replace_all(hook, name, function, old);
    compat_unlock();
    return result;
}
