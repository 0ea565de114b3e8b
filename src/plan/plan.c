/* SPDX-License-Identifier: MIT */
/* The plan as a value: built by a planner, read by everybody. Invariant: it owns
 * every string in it, so that it outlives the objects it speaks of. */

#include "plan/plan.h"

#include <string.h>

#include "base/error.h"

static const char kind_names[][16] = {
#define GRAFT_X(name, text) text,
    GRAFT_SLOT_KINDS(GRAFT_X)
#undef GRAFT_X
};
static const char verdict_names[][16] = {
#define GRAFT_X(name, word, text) word,
    GRAFT_VERDICTS(GRAFT_X)
#undef GRAFT_X
};
static const char verdict_texts[][128] = {
#define GRAFT_X(name, word, text) text,
    GRAFT_VERDICTS(GRAFT_X)
#undef GRAFT_X
};

const char *graft_slot_kind_name(enum graft_slot_kind kind)
{
    return (unsigned)kind <= GRAFT_SLOT_OTHER ? kind_names[kind] : "?";
}

const char *graft_verdict_name(enum graft_verdict verdict)
{
    return (unsigned)verdict < GRAFT_VERDICT_COUNT ? verdict_names[verdict] : "?";
}

const char *graft_verdict_text(enum graft_verdict verdict)
{
    return (unsigned)verdict < GRAFT_VERDICT_COUNT ? verdict_texts[verdict] : "?";
}

/* The plan lives in its own arena, so that freeing the arena frees all. */
struct graft_plan *plan_new(unsigned flags)
{
    struct arena arena = { 0 };
    struct graft_plan *plan = arena_alloc(&arena, sizeof *plan);
    if (!plan)
        return NULL;
    plan->arena = arena;
    plan->entries = (struct arena_list){ .arena = &plan->arena, .element_size = sizeof(struct plan_entry) };
    plan->members = (struct arena_list){ .arena = &plan->arena, .element_size = sizeof(struct plan_member) };
    plan->flags = flags;
    return plan;
}

void plan_free(struct graft_plan *plan)
{
    if (!plan)
        return;
    struct arena arena = plan->arena;
    arena_free(&arena);
}

size_t graft_plan_count(const struct graft_plan *plan)
{
    return plan->entries.count;
}

const struct graft_edit *graft_plan_edit(const struct graft_plan *plan, size_t i)
{
    return i < plan->entries.count ? &plan_entry(plan, i)->edit : NULL;
}

int plan_member_of(struct graft_plan *plan, const struct world *world, size_t i)
{
    const struct world_object *object = world_object(world, i);
    uint64_t start = world_start(object);
    for (size_t m = 0; m < plan->members.count; m++)
        if (plan_member(plan, (int)m)->start == start && plan_member(plan, (int)m)->space == object->space
            && !strcmp(plan_member(plan, (int)m)->path, object->path))
            return (int)m;
    struct plan_member *member = arena_list_push(&plan->members);
    if (!member)
        return PLAN_NO_MEMBER;
    *member = (struct plan_member){
        .path = arena_string(&plan->arena, object->path),
        .name = arena_string(&plan->arena, object->image.soname && *object->image.soname
                                           ? object->image.soname : text_basename(object->path)),
        .space = object->space, .permanent = object->permanent, .bias = object->image.bias,
        .start = start, .end = world_end(object), .link_map = object->link_map, .seen_at = i,
        .build_id_size = object->image.build_id_size };
    memcpy(member->build_id, object->image.build_id, member->build_id_size);
    return member->path && member->name ? (int)plan->members.count - 1 : PLAN_NO_MEMBER;
}

static bool is_member(const struct world_object *o, const struct plan_member *member)
{
    return o->link_map == member->link_map && world_start(o) == member->start && o->space == member->space
        && !strcmp(o->path, member->path) && o->image.build_id_size == member->build_id_size
        && !memcmp(o->image.build_id, member->build_id, member->build_id_size);
}

size_t plan_member_find(const struct world *world, struct plan_member *member)
{
    size_t n = world->objects.count;
    if (member->seen_at < n && is_member(world_object(world, member->seen_at), member))
        return member->seen_at;
    for (size_t i = 0; i < n; i++)
        if (is_member(world_object(world, i), member))
            return member->seen_at = i;
    return WORLD_NONE;
}

/* Versions repeat in long runs: one copy serves each run. */
static const char *intern_version(struct graft_plan *plan, const char *version)
{
    if (!plan->last_version || strcmp(plan->last_version, version))
        plan->last_version = arena_string(&plan->arena, version);
    return plan->last_version;
}

int plan_add(struct graft_plan *plan, const struct plan_entry *from)
{
    struct plan_entry *entry = arena_list_push(&plan->entries);
    if (!entry)
        return -GRAFT_ENOMEM;
    *entry = *from;
    entry->edit.object = plan_member(plan, from->member)->path;
    if (!from->function)            /* a hook's symbol is kept with the hooks */
        entry->edit.symbol = arena_string(&plan->arena, from->edit.symbol ? from->edit.symbol : "");
    if (from->edit.version)
        entry->edit.version = intern_version(plan, from->edit.version);
    if (from->edit.old_object)
        entry->edit.old_object = intern_version(plan, from->edit.old_object);
    if (from->target >= 0) {
        entry->edit.new_object = plan_member(plan, from->target)->path;
        if (verdict_edits(from->edit.verdict))
            plan_member(plan, from->target)->is_target = true;
    }
    plan->count[from->edit.verdict]++;
    return entry->edit.symbol ? 0 : -GRAFT_ENOMEM;
}

size_t plan_edits(const struct graft_plan *plan)
{
    size_t n = 0;
    for (size_t v = 0; v < GRAFT_VERDICT_COUNT; v++)
        n += verdict_edits((enum graft_verdict)v) ? plan->count[v] : 0;
    return n;
}

size_t plan_refusals(const struct graft_plan *plan)
{
    size_t n = 0;
    for (size_t v = 0; v < GRAFT_VERDICT_COUNT; v++)
        n += verdict_refuses((enum graft_verdict)v) ? plan->count[v] : 0;
    return n;
}

int plan_check(const struct graft_plan *plan, struct graft_error *error)
{
    size_t refused = plan_refusals(plan);
    if (!refused || (plan->flags & GRAFT_PARTIAL))
        return 0;
    for (size_t i = 0; i < plan->entries.count; i++) {
        const struct graft_edit *edit = &plan_entry(plan, i)->edit;
        if (!verdict_refuses(edit->verdict))
            continue;
        if (refused == 1)
            return error_about(error, GRAFT_EREFUSED, edit->object, edit->symbol, "%s: %s",
                               edit->symbol, graft_verdict_text(edit->verdict));
        return error_about(error, GRAFT_EREFUSED, edit->object, edit->symbol,
                           "%s: %s (and %zu more slots; the plan lists them)", edit->symbol,
                           graft_verdict_text(edit->verdict), refused - 1);
    }
    return 0;
}
