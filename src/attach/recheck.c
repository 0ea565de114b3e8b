/* SPDX-License-Identifier: MIT */
/* From "we looked at a running target" to "it stands still and is the same".
 * Invariant: nothing is written unless, while all threads are held, the loader's
 * list, its state and the build-ids are byte for byte those of the look before,
 * and the caller agrees with what the slots hold.
 *
 *   look (running) ─▶ stop ─▶ same? ─▶ safe? ─▶ agreed? ─▶ write ─▶ read back ─▶ go
 *        ▲              └──────┴── no: go ──┘       └ no: go, fail
 *        └──────────────────────────┘ */

#include "attach/recheck.h"

#include <string.h>
#include <time.h>

#include "attach/remote.h"
#include "attach/stop.h"
#include "base/error.h"

enum { STOP_MILLISECONDS = 300, SLOW_TRIES = 3, PATIENCE_MILLISECONDS = 2000, AGAIN = 1 };

struct attempt {
    const struct recheck *recheck;
    struct arena arena;
    struct world world;
    struct witness witness;
    struct words words;
    uint64_t loader_start, loader_end;
    const char *obstacle;           /* why it has to be tried again */
    struct graft_error *error;
};

/* A path that was no UTF-8 was remembered with question marks. */
static bool same_path(const char *remembered, const char *path)
{
    while (*remembered && *path && (*remembered == *path || (*remembered == '?' && (unsigned char)*path >= 0x80))) {
        remembered++;
        path++;
    }
    return *remembered == *path;
}

size_t recheck_member(const struct world *world, const struct remembered_member *member)
{
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (!o->broken && world_start(o) == member->start && world_end(o) == member->end
            && o->link_map == member->link_map && o->space == member->space && same_path(member->path, o->path)
            && o->image.build_id_size == member->build_id_size
            && !memcmp(o->image.build_id, member->build_id, member->build_id_size))
            return i;
    }
    return WORLD_NONE;
}

int recheck_build_id(const struct world *world, const struct remembered_member *member,
                     struct graft_error *error)
{
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (!o->broken && world_start(o) == member->start && o->space == member->space
            && same_path(member->path, o->path) && (o->image.build_id_size != member->build_id_size
            || memcmp(o->image.build_id, member->build_id, member->build_id_size)))
            return error_about(error, GRAFT_EBUILDID, member->path, "", "%s was replaced by another build since: "
                               "its build-id is not the one that the plan knows", member->path);
    }
    return 0;
}

static int no_memory(struct graft_error *error)
{
    return error_set(error, GRAFT_ENOMEM, "out of memory while looking at the target");
}

/* ---- the look ----------------------------------------------------------- */

static void find_loader(struct attempt *a, uint64_t bias)
{
    for (size_t i = 0; i < a->world.objects.count; i++) {
        const struct world_object *o = world_object(&a->world, i);
        if (!o->broken && o->image.bias == bias) {
            a->loader_start = world_start(o);
            a->loader_end = world_end(o);
        }
    }
}

static int look(struct attempt *a)
{
    const struct recheck *r = a->recheck;
    struct remote_look look = { .witness = &a->witness };
    int result = remote_world(&a->world, r->process, FETCH_SHAPE, &look, a->error);
    if (result)
        return result;
    find_loader(a, look.interpreter);
    for (size_t i = 0; i < r->member_count; i++) {
        size_t object = recheck_member(&a->world, &r->member[i]);
        if (object != WORLD_NONE && remote_witness(world_object(&a->world, object), &a->witness))
            return no_memory(a->error);
    }
    a->words.arena = &a->arena;
    result = r->collect(&a->words, &a->world, r->arg, a->error);
    if (!result)
        result = words_prepare(&a->words, a->error);
    if (!result && witness_prepare(&a->witness))
        result = no_memory(a->error);
    return result;
}

/* ---- with the target held ----------------------------------------------- */

static int again(struct attempt *a, const char *obstacle)
{
    a->obstacle = obstacle;
    return AGAIN;
}

static int write_held(const struct stop *stop, void *arg)
{
    struct attempt *a = arg;
    const struct recheck *r = a->recheck;
    if (!witness_holds(&a->witness, r->process))
        return again(a, "libraries are being loaded or unloaded all the time");
    if (r->outside_loader && stop_inside(stop, a->loader_start, a->loader_end))
        return again(a, "a thread is resolving a symbol all the time");
    if (!words_read(&a->words, r->process))
        return again(a, "its slots cannot be read");
    int result = r->decide(&a->words, r->arg, a->error);
    return result ? result : words_write(&a->words, r->process, stop->thread[0].id, a->error);
}

/* ---- tries -------------------------------------------------------------- */

static int try_once(struct attempt *a, struct recheck_cost *cost)
{
    struct stop_cost stop = { 0, 0 };
    int result = look(a);
    if (result || !a->words.count)
        return result;
    result = stop_visit(a->recheck->process, STOP_MILLISECONDS, write_held, a, &stop, a->error);
    if (stop.nanoseconds) {
        cost->nanoseconds += stop.nanoseconds;
        cost->threads = stop.threads;
        cost->stops++;
    }
    if (!result)
        a->recheck->done(&a->words, a->recheck->arg);
    return result;
}

/* Another rhythm each time, because the target may have one too; and time to
 * breathe after a stop that took long. */
static void pause_between(bool slow)
{
    long nanoseconds = slow ? 200000000 : 500000 + (long)(stop_clock() % 1000000);
    nanosleep(&(struct timespec){ .tv_nsec = nanoseconds }, NULL);
}

/* While a target ends, all sorts of things fail first: that it ends is the reason. */
static int blame_end(const struct process *process, int result, struct graft_error *error)
{
    struct process_look now;
    char byte[2];
    if (!process_look(process, &now, NULL) && process_file(process, "auxv", byte, sizeof byte) > 0)
        return result;
    error_clear(error);
    return error_set(error, GRAFT_EGONE, "process %d ended meanwhile", process->pid);
}

int recheck_write(const struct recheck *recheck, struct recheck_cost *cost, struct graft_error *error)
{
    uint64_t limit = stop_clock() + PATIENCE_MILLISECONDS * 1000000ull;
    const char *obstacle;
    int result, slow = 0;
    do {
        struct attempt a = { .recheck = recheck, .error = error };
        witness_init(&a.witness);
        result = try_once(&a, cost);
        obstacle = a.obstacle;
        world_free(&a.world);
        witness_free(&a.witness);
        arena_free(&a.arena);
        bool late = result == -GRAFT_EBUSY && ++slow < SLOW_TRIES;
        if (late) {                 /* a thread did not stop in time: a machine may be that busy */
            error_clear(error);
            result = AGAIN;
            limit += 1000000000u;
        }
        if (result == AGAIN)
            pause_between(late);
    } while (result == AGAIN && stop_clock() < limit);
    if (result == AGAIN)
        result = error_set(error, GRAFT_EBUSY, "process %d gives no quiet moment: %s; nothing was changed",
                           recheck->process->pid, obstacle ? obstacle : "its threads do not stop in time");
    return result ? blame_end(recheck->process, result, error) : 0;
}
