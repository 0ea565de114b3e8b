/* SPDX-License-Identifier: MIT */
/* Brings slots to what the chains of hooks want. Invariants: all of an operation or
 * nothing of it; originals are right before a slot leads to a replacement; a slot is
 * written only while it holds what was expected; what a hooked function's slots held
 * at first comes back when its last hook goes. */

#include <string.h>
#include <sys/auxv.h>

#include "base/error.h"
#include "base/log.h"
#include "bind/apply.h"
#include "bind/exports.h"
#include "bind/hooks.h"
#include "bind/late.h"

/* What becomes of one slot. */
struct hook_note {
    struct journal_edit *edit;      /* NULL: new */
    struct chain *chain;            /* that it will be in; NULL: the slot is given back */
    uintptr_t addend, real, value;
    uintptr_t slot, before;         /* of a new one */
    int member;
    bool lazy, exported, address;
    bool lost;                      /* somebody else has written the slot */
};

/* ---- collecting ------------------------------------------------------------ */

static const struct hook_function *function_at(const struct hook_job *job, const struct plan_entry *entry)
{
    return entry->function ? &job->plan->function[entry->function - 1] : NULL;
}

static size_t count_slots(const struct hook_job *job)
{
    size_t n = job->plan ? job->plan->entries.count : 0;
    for (const struct function *f = function_first(); f; f = f->next)
        for (const struct chain *c = f->touched ? f->chains : NULL; c; c = c->next)
            for (const struct journal_edit *e = c->edits; e; e = e->next_in_chain)
                n++;
    return n;
}

/* The object that the slot lies in. */
static struct plan_member *member_of(const struct hook_job *job, const struct hook_note *note)
{
    return note->edit ? plan_member(note->edit->plan->plan, note->edit->member) : plan_member(job->plan, note->member);
}

/* Whether ld.so makes the slot's page read-only when it has relocated the object: RELRO,
 * whose last page, if it is not whole, stays writable (glibc elf/dl-reloc.c,
 * _dl_protect_relro). What was loaded at start is sealed already. */
static bool is_sealed(struct hook_job *job, const struct hook_note *note, uintptr_t address)
{
    struct plan_member *member = member_of(job, note);
    if (job->sealed.member != member) {
        uintptr_t page = getauxval(AT_PAGESZ);
        size_t i = member->permanent ? WORLD_NONE : plan_member_find(job->world, member);
        const struct elf_image *image = i == WORLD_NONE ? NULL : &world_object(job->world, i)->image;
        uintptr_t start = image ? (uintptr_t)(image->bias + image->relro.vaddr) : 0;
        job->sealed.member = member;
        job->sealed.start = start & -page;
        job->sealed.end = image ? (start + (uintptr_t)image->relro.memsz) & -page : 0;
    }
    return address >= job->sealed.start && address < job->sealed.end;
}

static void add_write(struct hook_job *job, struct hook_note *note, uintptr_t address, uintptr_t expected)
{
    job->slots.write[job->slots.count++] = (struct slot_write){ .sealed = is_sealed(job, note, address),
        .address = address, .expected = expected, .value = note->value, .lazy = note->lazy,
        .found = expected, .note = note };
}

/* A slot that the plan found: new, or of another chain of the same function. */
static void collect_entry(struct hook_job *job, const struct plan_entry *entry, const struct hook_function *f)
{
    struct chain *chain = f->chain;
    uintptr_t target = chain_target(chain, NULL), addend = (uintptr_t)entry->addend;
    struct journal_edit *top = journal_top(entry->edit.slot);
    chain->function->loose |= entry->edit.verdict == GRAFT_VERDICT_OPEN;
    if ((!target && !chain->was) || (job->sweeps && entry->edit.verdict == GRAFT_VERDICT_LAZY)
        || (entry->edit.verdict != GRAFT_VERDICT_SAME && !verdict_edits(entry->edit.verdict)))
        return;
    if (top && (!top->chain || top->chain->function != chain->function))
        top = NULL;
    struct hook_note *note = &job->notes[job->note_count++];
    *note = (struct hook_note){ .edit = top, .chain = target ? chain : NULL, .addend = addend,
        .value = (target ? target : chain->function->from) + addend,
        .real = chain->function->from + addend, .member = entry->member,
        .lazy = entry->edit.verdict == GRAFT_VERDICT_LAZY, .exported = entry->edit.kind == GRAFT_SLOT_EXPORT,
        .address = entry->edit.kind != GRAFT_SLOT_EXPORT };
    chain->function->exported |= note->exported;
    if (top)
        top->met = true;
    note->slot = entry->edit.slot;
    note->before = top ? top->written : entry->edit.old_value;
    if (note->before != note->value)
        add_write(job, note, entry->edit.slot, note->before);
    else
        note->before = note->real;      /* the loader bound it to the hook by itself */
}

/* A slot that was lazy may still have held its own stub. */
bool hook_edit_belongs(const struct journal_edit *edit)
{
    const struct plan_member *member = plan_member(edit->plan->plan, edit->member);
    return edit->before == edit->chain->function->from + edit->addend
        || (edit->lazy && edit->before - member->start < member->end - member->start);
}

static void collect_edit(struct hook_job *job, struct journal_edit *edit)
{
    struct chain *server = hook_edit_belongs(edit) ? chain_server(edit->chain) : NULL;
    uintptr_t value = server ? chain_target(server, NULL) + edit->addend : edit->before;
    if (edit->met || (server == edit->chain && value == edit->written))
        return;
    struct hook_note *note = &job->notes[job->note_count++];
    *note = (struct hook_note){ .edit = edit, .chain = server, .addend = edit->addend, .value = value,
                                .real = edit->chain->function->from + edit->addend, .exported = edit->exported };
    if (edit->slot->top == edit)
        add_write(job, note, edit->slot->address, edit->written);
}

static void collect_function(struct hook_job *job, const struct function *function)
{
    for (const struct chain *c = function->chains; c; c = c->next)
        for (struct journal_edit *e = c->edits; e; e = e->next_in_chain)
            collect_edit(job, e);
}

static int collect(struct hook_job *job)
{
    size_t n = count_slots(job);
    job->notes = arena_array(&job->arena, n + 1, sizeof *job->notes);
    job->slots.write = arena_array(&job->arena, n + 1, sizeof *job->slots.write);
    if (!job->notes || !job->slots.write)
        return error_set(job->error, GRAFT_ENOMEM, "out of memory while hooking");
    for (size_t i = 0; job->plan && i < job->plan->entries.count; i++) {
        const struct plan_entry *entry = plan_entry(job->plan, i);
        const struct hook_function *f = function_at(job, entry);
        if (f)
            collect_entry(job, entry, f);
    }
    for (const struct function *f = function_first(); f; f = f->next)
        if (f->touched)
            collect_function(job, f);
    return 0;
}

/* ---- writing ----------------------------------------------------------------- */

/* One slot; false: it holds what nobody expected. One that the loader has meanwhile
 * resolved, to the function or by its export to the replacement, is as good. */
static bool write_one(struct slot_write *w)
{
    struct hook_note *note = w->note;
    uintptr_t held = w->expected;
    while (!slot_swap(w->address, &held, w->value)) {
        if (held == w->value) {
            held = note->edit ? w->expected : note->real;
            break;
        }
        if (!note->lazy || held != note->real)
            return false;
    }
    w->found = held == w->value && !note->edit ? note->real : held;
    return true;
}

/* Whether an edit's object may have been closed and opened again where it was: then
 * nobody else has written its slot. */
static bool is_stale(const struct hook_job *job, const struct hook_note *note)
{
    const struct graft_plan *plan = note->edit ? note->edit->plan->plan : NULL;
    return plan && plan->subs != job->counts.subs && !plan_member(plan, note->edit->member)->permanent;
}

static int write_all(struct hook_job *job)
{
    for (size_t i = 0; i < job->slots.count; i++) {
        struct slot_write *w = &job->slots.write[i];
        struct hook_note *note = w->note;
        if (write_one(w))
            continue;
        if (job->strict && !note->edit) {
            bind_take_back(&job->slots, i);
            return error_set(job->error, GRAFT_ESTALE, "slot 0x%lx holds 0x%lx, the plan saw 0x%lx: make the "
                             "plan again", w->address, slot_read(w->address), w->expected);
        }
        note->lost = true;
        job->left += !is_stale(job, note);
    }
    return 0;
}

/* ---- the journal -------------------------------------------------------------- */

static void note_new(struct journal_plan *noted, const struct hook_note *note)
{
    struct journal_edit *top = journal_top(note->slot);
    if (!note->chain)               /* the loader bound it to a hook that is gone: it never was one of ours */
        return;
    while (top && top->written != note->before) {   /* of a closed object */
        journal_remove(top);
        top = journal_top(note->slot);
    }
    struct journal_edit *edit = journal_push(noted, note->slot, &(struct journal_edit){
        .member = note->member, .lazy = note->lazy, .address = note->address, .exported = note->exported,
        .chain = note->chain, .addend = note->addend, .before = note->before, .written = note->value });
    journal_chain(edit, &note->chain->edits);
}

static void note_old(const struct hook_note *note)
{
    if (!note->chain || note->lost) {
        journal_remove(note->edit);
        return;
    }
    journal_rewrite(note->edit, note->value);
    if (note->edit->chain != note->chain) {
        note->edit->chain = note->chain;
        journal_chain(note->edit, &note->chain->edits);
    }
}

static void note_all(struct hook_job *job, struct journal_plan *noted)
{
    for (size_t i = 0; i < job->slots.count; i++) {
        struct hook_note *note = job->slots.write[i].note;
        if (!note->edit)
            note->before = job->slots.write[i].found;
    }
    for (size_t i = 0; i < job->note_count; i++) {
        struct hook_note *note = &job->notes[i];
        if (note->edit) {
            note->edit->met = false;
            note_old(note);
        } else if (!note->lost)
            note_new(noted, note);
    }
}

static void set_touched_originals(void)
{
    for (struct function *f = function_first(); f; f = f->next)
        if (f->touched)
            function_set_originals(f);
}

static void end_touched(const struct hook_job *job, int result)
{
    bool behind = late_is_behind(job->counts.adds);
    for (struct function *f = function_first(); f; f = f->next) {
        for (struct chain *c = f->touched ? f->chains : NULL; c; c = c->next) {
            uintptr_t now = chain_target(c, NULL);
            if (c->now && c->now != now && f->exported && chain_is_wide(c) && (f->loose || behind))
                c->was = c->now;
            c->now = now;
        }
        if (f->touched && !job->quiet && !result)
            chain_changed();
    }
    function_settled();
    function_tidy();
}

/* What another thread is still loading is left to its own look; an edit there is of
 * another object, which lay in the same place. */
static void leave_moving(struct hook_job *job)
{
    const struct plan_member *member = member_of(job, job->slots.moving->note);
    size_t kept = 0;
    for (size_t i = 0; i < job->note_count; i++) {
        struct hook_note *note = &job->notes[i];
        uintptr_t slot = note->edit ? note->edit->slot->address : note->slot;
        note->lost |= slot - member->start < member->end - member->start;
    }
    for (size_t i = 0; i < job->slots.count; i++)
        if (!((struct hook_note *)job->slots.write[i].note)->lost)
            job->slots.write[kept++] = job->slots.write[i];
    job->slots.count = kept;
    late_unsee(member->link_map, member->start);
}

static int open_slots(struct hook_job *job)
{
    int result;
    while ((result = slots_open(&job->slots, job->error)) == -GRAFT_EBUSY) {
        error_clear(job->error);
        leave_moving(job);
    }
    return result;
}

/* ---- the operation ----------------------------------------------------------------- */

static int begin(struct hook_job *job, struct journal_plan **noted)
{
    size_t fresh = 0, exported = 0;
    for (size_t i = 0; i < job->note_count; i++)
        if (!job->notes[i].edit) {
            fresh++;
            exported += job->notes[i].exported;
        }
    *noted = NULL;
    if ((job->plan && !(*noted = journal_begin(job->plan))) || (fresh && journal_reserve(fresh))
        || !exports_reserve(exported))
        return error_set(job->error, GRAFT_ENOMEM, "out of memory for the journal");
    return 0;
}

static int run_locked(struct world *world, const struct live_counts *counts, void *arg)
{
    struct hook_job *job = arg;
    struct journal_plan *noted = NULL;
    job->counts = *counts;
    job->world = world;
    bind_forget(world, counts);
    int result = job->prepare(job, world);
    if (!result) {
        set_touched_originals();
        result = collect(job);
    }
    if (!result)
        result = begin(job, &noted);
    if (!result)
        result = open_slots(job);
    if (!result) {
        if (job->plan) {
            job->plan->adds = counts->adds;
            job->plan->subs = counts->subs;
        }
        result = write_all(job);
        if (!result)
            note_all(job, noted);
        slots_close(&job->slots);
    }
    if (result) {
        for (size_t i = 0; i < job->note_count; i++)
            if (job->notes[i].edit)
                job->notes[i].edit->met = false;
        if (noted)
            journal_end(noted);
        if (job->revert)
            job->revert(job);
        set_touched_originals();
    } else if (job->finish)
        job->finish(job);
    exports_list();
    end_touched(job, result);
    return result;
}

int hook_job_run(struct hook_job *job)
{
    job->slots = (struct slots){ .arena = &job->arena, .protections.file = -1 };
    if (protections_open(&job->slots.protections, &job->arena))
        return error_set(job->error, GRAFT_ESYS, "/proc/self/maps cannot be read");
    journal_lock();
    int result = live_visit(run_locked, job, job->error);
    journal_unlock();
    bool lazy = false;
    for (size_t i = 0; i < job->slots.count; i++)
        lazy |= job->slots.write[i].lazy;
    if (!result && lazy)
        bind_settle(&job->slots, job->counts.subs);
    if (job->left)
        LOG(INFO, "%zu slots of hooked functions were written by somebody else: left", job->left);
    protections_close(&job->slots.protections);
    arena_free(&job->arena);
    if (!result && !job->sweeps)
        hooks_sweep();
    if (!result && !job->sweeps && !job->asks && job->plan && job->plan->count[GRAFT_VERDICT_OPEN])
        hooks_resolve_open(job->plan);
    bind_reap();
    return result;
}
