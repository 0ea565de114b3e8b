/* SPDX-License-Identifier: MIT */
/* Apply and undo in this process. Invariants: all slots or none; a slot is
 * written only while it holds what was expected, with one compare-and-swap; one
 * protection change per region and back to what was observed, never writable and
 * executable at once.
 *
 *     pin targets → journal lock → loader's lock → same objects? same words?
 *       → open regions → write → close regions → unlock → look again at lazy ones
 *
 * Targets are pinned before the journal's lock is taken: dlopen takes a lock that
 * a thread inside a constructor may hold while it waits for the journal. */

#include "bind/apply.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"
#include "bind/journal.h"
#include "live/live.h"
#include "live/protection.h"

/* One word to write. */
struct write {
    uintptr_t address, expected, value;
    int member;
    bool lazy, holds_address;
    uintptr_t found;                /* what it held when it was written */
};

/* Adjacent pages of one mapping that are opened and closed together. */
struct opening { uintptr_t start, end; int protection; };

struct job {
    struct arena arena;
    struct write *writes;
    size_t count;
    struct opening *openings;
    size_t opening_count;
    struct protections protections;
    struct graft_plan *plan;
    struct journal_plan *noted;
    void **pins;
    size_t pin_count, lost;
    struct live_counts counts;
    struct graft_error *error;
};

/* ---- sorting: libc's qsort calls malloc --------------------------------- */

static void sift(struct write *w, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && w[child].address < w[child + 1].address)
            child++;
        if (w[root].address >= w[child].address)
            return;
        struct write swap = w[root];
        w[root] = w[child];
        w[child] = swap;
    }
}

static void sort(struct write *w, size_t n)
{
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = w[i - 1].address < w[i].address;
    if (sorted)
        return;
    for (size_t i = n / 2; i-- > 0;)
        sift(w, i, n);
    for (size_t last = n; last-- > 1;) {
        struct write swap = w[0];
        w[0] = w[last];
        w[last] = swap;
        sift(w, 0, last);
    }
}

/* ---- pages -------------------------------------------------------------- */

static void close_regions(struct job *job, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct opening *o = &job->openings[i];
        if (!(o->protection & PROT_WRITE))
            mprotect((void *)o->start, o->end - o->start, o->protection);
    }
}

/* Finds the openings: writes are sorted, so each region's come together. */
static int find_openings(struct job *job)
{
    uintptr_t page = getauxval(AT_PAGESZ);
    struct region region = { 0, 0, 0 };
    struct opening *o = NULL;
    job->openings = arena_array(&job->arena, job->count, sizeof *job->openings);
    if (!job->openings && job->count)
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while applying");
    for (size_t i = 0; i < job->count; i++) {
        uintptr_t address = job->writes[i].address, end = address + sizeof(uintptr_t);
        if (!o || address >= region.end) {
            if (!protections_find(&job->protections, address, &region) || end > region.end)
                return error_set(job->error, GRAFT_EGONE, "slot 0x%lx is no longer mapped", address);
            if (region.protection & PROT_EXEC)
                return error_set(job->error, GRAFT_EPROT, "slot 0x%lx lies in an executable mapping", address);
            o = &job->openings[job->opening_count++];
            *o = (struct opening){ address & -page, 0, region.protection };
        }
        o->end = (end + page - 1) & -page;
    }
    return 0;
}

static int open_regions(struct job *job)
{
    int result = find_openings(job);
    if (result)
        return result;
    for (size_t i = 0; i < job->opening_count; i++) {
        struct opening *o = &job->openings[i];
        if (o->protection & PROT_WRITE
            || !mprotect((void *)o->start, o->end - o->start, o->protection | PROT_WRITE))
            continue;
        int cause = errno;
        close_regions(job, i);
        return error_set(job->error, GRAFT_EPROT, "mprotect of 0x%lx+0x%lx: %s", o->start,
                         o->end - o->start, strerrordesc_np(cause));
    }
    return 0;
}

/* ---- words -------------------------------------------------------------- */

static uintptr_t read_word(uintptr_t address)
{
    uintptr_t value;
    if (address % sizeof value == 0)
        return __atomic_load_n((uintptr_t *)address, __ATOMIC_RELAXED);
    memcpy(&value, (void *)address, sizeof value);
    return value;
}

/* Writes @value while the word holds *expected; else *expected is what it holds.
 * A slot that is not aligned cannot be swapped atomically on every machine. */
static bool swap_word(uintptr_t address, uintptr_t *expected, uintptr_t value)
{
    if (address % sizeof value == 0)
        return __atomic_compare_exchange_n((uintptr_t *)address, expected, value, false,
                                           __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    uintptr_t held = read_word(address);
    if (held != *expected) {
        *expected = held;
        return false;
    }
    memcpy((void *)address, &value, sizeof value);
    return true;
}

/* A lazy slot may have been resolved since the plan saw it: then it holds an
 * address outside its own object, where the resolver put it. */
static bool acceptable(const struct job *job, const struct write *w, uintptr_t held)
{
    const struct plan_member *member = plan_member(job->plan, w->member);
    return w->lazy && held && held - member->start >= member->end - member->start;
}

static int stale(const struct job *job, const struct write *w, uintptr_t held)
{
    const struct plan_member *member = plan_member(job->plan, w->member);
    return error_about(job->error, GRAFT_ESTALE, member->path, "",
                       "slot 0x%lx holds 0x%lx, the plan saw 0x%lx: make the plan again",
                       w->address, held, w->expected);
}

static void take_back(struct job *job, size_t count)
{
    while (count-- > 0) {
        struct write *w = &job->writes[count];
        uintptr_t held = w->value;
        swap_word(w->address, &held, w->found);
    }
}

static int write_all(struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        struct write *w = &job->writes[i];
        uintptr_t held = w->expected;
        while (!swap_word(w->address, &held, w->value))
            if (!acceptable(job, w, held)) {
                take_back(job, i);
                return stale(job, w, held);
            }
        w->found = held;
    }
    return 0;
}

/* ---- apply -------------------------------------------------------------- */

/* The object that @member describes, if it is still the same one. */
static size_t member_in(const struct world *world, const struct plan_member *member)
{
    for (size_t i = 0; i < world->objects.count; i++) {
        const struct world_object *o = world_object(world, i);
        if (world_start(o) == member->start && o->link_map == member->link_map
            && o->space == member->space && !strcmp(o->path, member->path)
            && o->image.build_id_size == member->build_id_size
            && !memcmp(o->image.build_id, member->build_id, member->build_id_size))
            return i;
    }
    return WORLD_NONE;
}

static int same_objects(const struct world *world, const struct graft_plan *plan, struct graft_error *error)
{
    for (size_t i = 0; i < plan->members.count; i++)
        if (member_in(world, plan_member(plan, (int)i)) == WORLD_NONE)
            return error_about(error, GRAFT_ESTALE, plan_member(plan, (int)i)->path, "",
                               "an object of the plan was closed or loaded again: make the plan again");
    return 0;
}

static int note_all(struct job *job)
{
    job->noted = journal_begin(job->plan);
    if (!job->noted || journal_reserve(job->count))
        return error_set(job->error, GRAFT_ENOMEM, "out of memory for the journal");
    for (size_t i = 0; i < job->count; i++) {
        struct write *w = &job->writes[i];
        struct journal_edit *top = journal_top(w->address);
        while (top && top->written != w->found) {   /* left from an object that was closed */
            journal_remove(top);
            top = journal_top(w->address);
        }
        journal_push(job->noted, w->address, &(struct journal_edit){
            .member = w->member, .lazy = w->lazy, .address = w->holds_address,
            .before = w->found, .written = w->value });
    }
    job->noted->pins = job->pins;
    job->noted->pin_count = job->pin_count;
    return 0;
}

static int apply_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    struct job *job = arg;
    job->counts = *counts;
    int result = world ? same_objects(world, job->plan, job->error) : 0;
    if (result || (result = open_regions(job)))
        return result;
    result = write_all(job);
    if (!result && (result = note_all(job))) {
        take_back(job, job->count);
        if (job->noted)
            journal_end(job->noted);
    }
    close_regions(job, job->opening_count);
    return result;
}

/* Keeps @member loaded: a handle of its own on it. Not for what was loaded at
 * start: it stays anyway, and before libc's own constructor has run a dlopen
 * would run it too early, without an environment. */
static void *pin(const struct plan_member *member)
{
    Lmid_t space;
    if (dlinfo((void *)member->link_map, RTLD_DI_LMID, &space))
        return NULL;
    return dlmopen(space, member->path, RTLD_LAZY | RTLD_NOLOAD);
}

static void unpin(void **pins, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dlclose(pins[i]);
}

static int pin_targets(struct job *job)
{
    size_t n = job->plan->members.count;
    if (!job->plan->pins)
        job->plan->pins = arena_array(&job->plan->arena, n, sizeof *job->pins);
    job->pins = job->plan->pins;
    if (!job->pins && n)
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while applying");
    for (size_t i = 0; i < n; i++) {
        const struct plan_member *member = plan_member(job->plan, (int)i);
        if (!member->is_target || member->permanent)
            continue;
        void *handle = pin(member);
        if (handle)
            job->pins[job->pin_count++] = handle;
        else {
            (void)dlerror();
            LOG(DEBUG, "%s cannot be held loaded", member->path);
        }
    }
    return 0;
}

static int collect_writes(struct job *job)
{
    const struct graft_plan *plan = job->plan;
    job->writes = arena_array(&job->arena, plan_edits(plan), sizeof *job->writes);
    if (!job->writes && plan_edits(plan))
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while applying");
    for (size_t i = 0; i < plan->entries.count; i++) {
        const struct plan_entry *entry = plan_entry(plan, i);
        if (!verdict_edits(entry->edit.verdict))
            continue;
        job->writes[job->count++] = (struct write){
            .address = entry->edit.slot, .expected = entry->edit.old_value,
            .value = entry->edit.new_value, .member = entry->member,
            .lazy = entry->edit.verdict == GRAFT_VERDICT_LAZY,
            .holds_address = entry->edit.kind <= GRAFT_SLOT_SYMBOLIC };
    }
    sort(job->writes, job->count);
    return 0;
}

/* Writes those lazy slots of the job again that a resolver has overwritten; with
 * the loader's lock held, and only while nothing was closed since the apply. */
static int rewrite_lost(struct world *world, const struct live_counts *counts, void *arg)
{
    struct job *job = arg;
    int lost = 0;
    (void)world;
    for (size_t i = 0; counts->subs == job->counts.subs && i < job->count; i++) {
        const struct write *w = &job->writes[i];
        struct journal_edit *top = w->lazy ? journal_top(w->address) : NULL;
        uintptr_t held;
        if (top && top->written == w->value && (held = read_word(w->address)) != w->value)
            lost += swap_word(w->address, &held, w->value);
    }
    return lost;
}

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A thread that was inside the resolver when we wrote finishes in microseconds,
 * or when it next runs, and overwrites the slot once. We look until nothing was
 * lost for half a millisecond and 32 chances to run, and again on every later
 * look of the watch. A process with one thread has nobody to wait for. */
static void settle(struct job *job)
{
    uint64_t since = nanoseconds();
    for (int quiet = 0; !__libc_single_threaded && (quiet < 32 || nanoseconds() - since < 500000); quiet++) {
        sched_yield();
        journal_lock();
        int lost = live_hold(rewrite_lost, job);
        journal_unlock();
        if (lost) {
            quiet = 0;
            since = nanoseconds();
        }
    }
}

static int apply(struct job *job)
{
    const struct live_counts known = { job->plan->adds, job->plan->subs };
    int result = plan_check(job->plan, job->error);
    if (!result)
        result = collect_writes(job);
    if (!result && protections_open(&job->protections, &job->arena))
        result = error_set(job->error, GRAFT_ESYS, "/proc/self/maps cannot be read");
    if (!result)
        result = pin_targets(job);
    if (!result) {
        journal_lock();
        result = live_revisit(apply_locked, job, &known, job->error);
        if (!result) {
            job->plan->state = PLAN_APPLIED;
            job->plan->adds = job->counts.adds;
            job->plan->subs = job->counts.subs;
        }
        journal_unlock();
        if (result)
            unpin(job->pins, job->pin_count);
    }
    if (!result && job->plan->count[GRAFT_VERDICT_LAZY])
        settle(job);
    protections_close(&job->protections);
    arena_free(&job->arena);
    return result;
}

int graft_plan_apply(struct graft_plan *plan, struct graft_error *error)
{
    struct job job = { .plan = plan, .error = error, .protections.file = -1 };
    int saved = errno;
    error_clear(error);
    if (plan->state == PLAN_APPLIED)
        return error_set(error, GRAFT_ESTATE, "the plan is applied already");
    int result = apply(&job);
    errno = saved;
    return result;
}

/* ---- undo --------------------------------------------------------------- */

/* Whether what a slot held before still means something: the object that it
 * pointed into (or just behind) may have been closed meanwhile. */
static bool still_there(const struct world *world, const struct journal_edit *e)
{
    return !world || !e->address || !e->before || world_find_address(world, e->before) != WORLD_NONE
        || world_find_address(world, e->before - 1) != WORLD_NONE;
}

/* Lists the words to put back: of edits on top of their slots, in objects that
 * are still loaded. No world: nothing was unloaded since the plan was applied. */
static int collect_undo(const struct world *world, struct job *job)
{
    size_t edits = 0;
    bool *present = arena_array(&job->arena, job->plan->members.count, 1);
    for (struct journal_edit *e = job->noted->edits; e; e = e->next)
        edits++;
    job->writes = arena_array(&job->arena, edits, sizeof *job->writes);
    if ((!present && job->plan->members.count) || (!job->writes && edits))
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while undoing");
    for (size_t i = 0; i < job->plan->members.count; i++)
        present[i] = !world || member_in(world, plan_member(job->plan, (int)i)) != WORLD_NONE;
    for (struct journal_edit *e = job->noted->edits; e; e = e->next)
        if (e->slot && e->slot->top == e && present[e->member]) {
            if (still_there(world, e))
                job->writes[job->count++] = (struct write){ .address = e->slot->address,
                    .expected = e->written, .value = e->before, .member = e->member };
            else
                job->lost++;
        }
    sort(job->writes, job->count);
    return 0;
}

/* Slots that somebody else has written since are theirs now. */
static void put_back(struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        struct write *w = &job->writes[i];
        uintptr_t held = w->expected;
        if (!swap_word(w->address, &held, w->value) && held != w->value)
            job->lost++;
    }
}

static int undo_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    struct job *job = arg;
    (void)counts;
    int result = collect_undo(world, job);
    if (result || (result = open_regions(job)))
        return result;
    put_back(job);
    close_regions(job, job->opening_count);
    for (struct journal_edit *e = job->noted->edits; e; e = e->next)
        journal_remove(e);
    journal_end(job->noted);
    if (job->lost)
        return error_set(job->error, GRAFT_ESTALE, "%zu slots were written by somebody else since, or "
                         "what they held before was closed: left; the rest is undone", job->lost);
    return 0;
}

int graft_plan_undo(struct graft_plan *plan, struct graft_error *error)
{
    struct job job = { .plan = plan, .error = error, .protections.file = -1 };
    const struct live_counts known = { plan->adds, plan->subs };
    int saved = errno, result;
    error_clear(error);
    if (plan->state != PLAN_APPLIED)
        return error_set(error, GRAFT_ESTATE, "the plan is not applied");
    if (protections_open(&job.protections, &job.arena))
        return error_set(error, GRAFT_ESYS, "/proc/self/maps cannot be read");
    journal_lock();
    job.noted = journal_find(plan);
    if (job.noted) {
        job.pins = job.noted->pins;
        job.pin_count = job.noted->pin_count;
        result = live_revisit(undo_locked, &job, &known, error);
    } else
        result = 0;                 /* all its objects were closed */
    if (!result || result == -GRAFT_ESTALE)
        plan->state = PLAN_UNDONE;
    journal_unlock();
    if (plan->state == PLAN_UNDONE)
        unpin(job.pins, job.pin_count);
    protections_close(&job.protections);
    arena_free(&job.arena);
    errno = saved;
    return result;
}

void graft_plan_free(struct graft_plan *plan)
{
    if (!plan)
        return;
    journal_lock();
    struct journal_plan *noted = journal_find(plan);
    if (noted)
        noted->released = true;
    journal_unlock();
    if (!noted)
        plan_free(plan);
}

/* ---- looking again ------------------------------------------------------ */

static int verify_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    size_t *rescued = arg;
    (void)counts;
    for (struct journal_plan *p = journal_first(); p; p = p->next)
        for (struct journal_edit *e = p->edits; e; e = e->next) {
            if (!e->lazy || !e->slot || e->slot->top != e
                || member_in(world, plan_member(p->plan, e->member)) == WORLD_NONE)
                continue;
            uintptr_t held = read_word(e->slot->address);
            if (held != e->written && swap_word(e->slot->address, &held, e->written))
                (*rescued)++;
        }
    return 0;
}

/* Lazy slots are writable by nature: the resolver itself writes them. */
size_t bind_verify_lazy(void)
{
    size_t rescued = 0;
    journal_lock();
    live_visit(verify_locked, &rescued, NULL);
    journal_unlock();
    return rescued;
}

struct closing { struct graft_plan *dead[64]; void **pins[64]; size_t pin_count[64], count; };

static int forget_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    struct closing *closing = arg;
    (void)counts;
    for (struct journal_plan *p = journal_first(), *next; p; p = next) {
        next = p->next;
        for (struct journal_edit **e = &p->edits; *e;) {
            struct journal_edit *edit = *e;
            if (member_in(world, plan_member(p->plan, edit->member)) != WORLD_NONE) {
                e = &edit->next;
                continue;
            }
            *e = edit->next;
            journal_remove(edit);
            journal_drop(edit);
        }
        if (!p->edits && p->released && closing->count < 64) {
            closing->dead[closing->count] = p->plan;
            closing->pins[closing->count] = p->pins;
            closing->pin_count[closing->count++] = p->pin_count;
            journal_end(p);
        }
    }
    return 0;
}

void bind_forget_closed(void)
{
    struct closing closing = { .count = 0 };
    int saved = errno;
    journal_lock();
    live_visit(forget_locked, &closing, NULL);
    journal_unlock();
    for (size_t i = 0; i < closing.count; i++) {
        unpin(closing.pins[i], closing.pin_count[i]);
        plan_free(closing.dead[i]);
    }
    errno = saved;
}
