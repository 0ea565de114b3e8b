/* SPDX-License-Identifier: MIT */
/* Which copy of graft acts in this process. Invariant: one does, from its first call to
 * the end of the process; it is chosen while the loader's lock is held, which all
 * copies share, whatever namespace they are in.
 *
 * A copy is found by an ELF note in its object, so that nothing need be exported:
 *
 *      .note.graft: "graft", type 1, the distance from here to struct share */

#include "api/share.h"

#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "bind/caller.h"
#include "live/live.h"

enum { NOTE_TYPE = 1 };

struct share share_own __attribute__((visibility("hidden"))) = {
    .size = sizeof(struct share), .layout = SHARE_LAYOUT, .version = GRAFT_VERSION, .plan_free = bind_plan_free,
#define SHARE_X(layer, name, parameters, arguments, error) .layer##_##name = layer##_##name,
    SHARED_FUNCTIONS(SHARE_X)
#undef SHARE_X
};

__asm__(".pushsection .note.graft, \"a\", %note\n"
        ".balign 4\n"
        ".long 6, 4, 1\n"
        ".asciz \"graft\"\n"
        ".balign 4\n"
        ".long share_own - .\n"
        ".popsection\n");

static const struct share *leader;      /* NULL: not known yet */

/* The copy in an object, if there is one: the note's word is relative to itself. */
static struct share *share_in(const struct world_object *object)
{
    size_t size;
    const unsigned char *note = object->broken ? NULL : elf_image_note(&object->image, "graft", NOTE_TYPE, &size);
    int32_t distance;
    if (!note || size != sizeof distance)
        return NULL;
    memcpy(&distance, note, sizeof distance);
    uint64_t vaddr = (uint64_t)(uintptr_t)note + (uint64_t)(int64_t)distance - object->image.bias;
    const struct share *share = (const void *)elf_image_at(&object->image, vaddr, offsetof(struct share, plan_free));
    return share && share->size >= offsetof(struct share, plan_free) ? (struct share *)(uintptr_t)share : NULL;
}

struct choosing { struct share *found; char path[256], holder[4096]; unsigned space; };

static int choose(struct world *world, const struct live_counts *counts, void *arg)
{
    struct choosing *c = arg;
    (void)counts;
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *object = world_object(world, i);
        struct share *share = share_in(object);
        if (share == &share_own && !object->permanent) {
            text_copy(c->holder, sizeof c->holder, object->path);
            c->space = object->space;
        }
        if (share && share != &share_own && __atomic_load_n(&share->leads, __ATOMIC_ACQUIRE) && !c->found) {
            c->found = share;
            text_copy(c->path, sizeof c->path, object->path);
        }
    }
    if (!c->found) {
        __atomic_store_n(&share_own.leads, 1, __ATOMIC_RELEASE);
        c->found = &share_own;
    }
    return 0;
}

/* Slots will lead into the leader: it stays loaded for good. */
static void stay(const struct choosing *c)
{
    if (c->found == &share_own && c->holder[0])
        (void)caller_hold((long)c->space, c->holder);
}

const struct share *share_leader(struct graft_error *error)
{
    const struct share *known = __atomic_load_n(&leader, __ATOMIC_ACQUIRE);
    if (known)
        return known;
    struct choosing choosing = { .found = NULL };
    if (live_visit(choose, &choosing, NULL))
        return &share_own;              /* a static program: our own function says so */
    stay(&choosing);
    if (choosing.found->layout != SHARE_LAYOUT || strcmp(choosing.found->version, GRAFT_VERSION)) {
        error_about(error, GRAFT_EOTHER, choosing.path, "", "graft %.16s in %s is at work in this process: this one, "
                    GRAFT_VERSION ", stands aside", choosing.found->version, choosing.path);
        return NULL;
    }
    __atomic_store_n(&leader, choosing.found, __ATOMIC_RELEASE);
    return choosing.found;
}
