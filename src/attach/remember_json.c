/* SPDX-License-Identifier: MIT */
/* What is remembered, as JSON. Invariant: a file is believed as a whole or not at
 * all: every field is of its type and range, every slot lies in its member, slots
 * ascend. Addresses are hexadecimal strings: a JSON number has 53 sure bits. */

#include "attach/remember_json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { MEMBERS_MAX = 65536, LAZY = 1, POINTER = 2 };

/* ---- writing ------------------------------------------------------------ */

static json_t *address_print(uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, value);
    return json_string(text);
}

/* Names come out of the target and need not be UTF-8: then ASCII has to do. */
static json_t *text_print(const char *text)
{
    json_t *json = json_string(text);
    char *copy = json ? NULL : strdup(text);
    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    if (copy)
        json = json_string(copy);
    free(copy);
    return json;
}

static json_t *build_id_print(const struct remembered_member *member)
{
    char text[2 * ELF_BUILD_ID_MAX + 1] = "";
    for (size_t i = 0; i < member->build_id_size; i++)
        snprintf(text + 2 * i, 3, "%02x", member->build_id[i]);
    return json_string(text);
}

static json_t *member_print(const struct remembered_member *member)
{
    return json_pack("{s:o,s:i,s:o,s:o,s:o,s:o}", "path", text_print(member->path),
                     "namespace", (int)member->space, "start", address_print(member->start),
                     "end", address_print(member->end), "link_map", address_print(member->link_map),
                     "build_id", build_id_print(member));
}

static json_t *slot_print(const struct remembered_slot *slot)
{
    int flags = (slot->lazy ? LAZY : 0) | (slot->pointer ? POINTER : 0);
    return json_pack("[o,o,o,i,i,o]", address_print(slot->address), address_print(slot->before),
                     address_print(slot->written), slot->member, flags, text_print(slot->symbol));
}

static json_t *plan_print(const struct remembered_plan *plan)
{
    json_t *members = json_array(), *slots = json_array();
    for (size_t i = 0; i < plan->member_count; i++)
        json_array_append_new(members, member_print(&plan->member[i]));
    for (size_t i = 0; i < plan->count; i++)
        json_array_append_new(slots, slot_print(&plan->slot[i]));
    bool whole = json_array_size(members) == plan->member_count && json_array_size(slots) == plan->count;
    json_t *json = json_pack("{s:i,s:I,s:s,s:o,s:o,s:o}", "id", (int)plan->id, "time", (json_int_t)plan->time,
                             "state", plan->applying ? "applying" : "applied", "label", text_print(plan->label),
                             "members", members, "slots", slots);
    if (whole)
        return json;
    json_decref(json);
    return NULL;
}

char *remember_print(const struct remembered *remembered, const struct process *process)
{
    json_t *plans = json_array();
    char *text = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < remembered->plans.count; i++)
        if (!remember_plan(remembered, i)->dropped) {
            json_array_append_new(plans, plan_print(remember_plan(remembered, i)));
            kept++;
        }
    bool whole = json_array_size(plans) == kept;
    json_t *json = json_pack("{s:i,s:i,s:o,s:s,s:o,s:i,s:o}", "format", REMEMBER_FORMAT, "pid", process->pid,
                             "start_time", address_print(process->start_time), "pid_namespace",
                             remembered->namespace, "program", text_print(process->program), "next_id",
                             (int)remembered->next_id, "plans", plans);
    if (json && whole)
        text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

/* ---- reading ------------------------------------------------------------ */

static bool address_parse(const json_t *json, uint64_t *value)
{
    const char *text = json_string_value(json);
    char *end;
    if (!text || text[0] != '0' || text[1] != 'x' || !text[2])
        return false;
    errno = 0;
    *value = strtoull(text + 2, &end, 16);
    return !*end && !errno && text[2] != '-' && text[2] != '+';
}

static bool text_parse(struct arena *arena, const json_t *json, const char **to)
{
    const char *text = json_string_value(json);
    *to = text && strlen(text) == json_string_length(json) ? arena_string(arena, text) : NULL;
    return *to != NULL;
}

static bool number_parse(const json_t *json, int64_t max, int64_t *value)
{
    *value = json_integer_value(json);
    return json_is_integer(json) && *value >= 0 && *value <= max;
}

static bool build_id_parse(const json_t *json, struct remembered_member *member)
{
    const char *text = json_string_value(json);
    size_t length = text ? strlen(text) : 1;
    if (length % 2 || length > 2 * ELF_BUILD_ID_MAX || strspn(text, "0123456789abcdef") != length)
        return false;
    for (size_t i = 0; i < length / 2; i++)
        sscanf(text + 2 * i, "%2hhx", &member->build_id[i]);
    member->build_id_size = length / 2;
    return true;
}

static bool member_parse(struct arena *arena, const json_t *json, struct remembered_member *member)
{
    int64_t space;
    if (!text_parse(arena, json_object_get(json, "path"), &member->path)
        || !number_parse(json_object_get(json, "namespace"), UINT16_MAX, &space)
        || !address_parse(json_object_get(json, "start"), &member->start)
        || !address_parse(json_object_get(json, "end"), &member->end)
        || !address_parse(json_object_get(json, "link_map"), &member->link_map)
        || !build_id_parse(json_object_get(json, "build_id"), member))
        return false;
    member->space = (unsigned)space;
    return member->start < member->end;
}

static bool slot_parse(struct arena *arena, const json_t *json, const struct remembered_plan *plan,
                       struct remembered_slot *slot)
{
    int64_t member, flags;
    if (json_array_size(json) != 6 || !address_parse(json_array_get(json, 0), &slot->address)
        || !address_parse(json_array_get(json, 1), &slot->before)
        || !address_parse(json_array_get(json, 2), &slot->written)
        || !number_parse(json_array_get(json, 3), MEMBERS_MAX, &member) || (size_t)member >= plan->member_count
        || !number_parse(json_array_get(json, 4), LAZY | POINTER, &flags)
        || !text_parse(arena, json_array_get(json, 5), &slot->symbol))
        return false;
    const struct remembered_member *m = &plan->member[member];
    slot->member = (int)member;
    slot->lazy = flags & LAZY;
    slot->pointer = flags & POINTER;
    return m->end - m->start >= sizeof(uint64_t)
        && slot->address - m->start <= m->end - m->start - sizeof(uint64_t);
}

static bool plan_parse(struct remembered *remembered, const json_t *json)
{
    const json_t *members = json_object_get(json, "members"), *slots = json_object_get(json, "slots");
    const char *state = json_string_value(json_object_get(json, "state"));
    size_t member_count = json_array_size(members), count = json_array_size(slots);
    int64_t id;
    if (!json_is_array(members) || !json_is_array(slots) || member_count > MEMBERS_MAX || !state
        || (strcmp(state, "applied") && strcmp(state, "applying"))
        || !number_parse(json_object_get(json, "id"), INT32_MAX, &id))
        return false;
    struct remembered_plan *plan = remember_add(remembered, member_count, count);
    if (!plan || !number_parse(json_object_get(json, "time"), INT64_MAX, &plan->time)
        || !text_parse(&remembered->arena, json_object_get(json, "label"), &plan->label))
        return false;
    plan->id = (unsigned)id;
    plan->applying = !strcmp(state, "applying");
    for (size_t i = 0; i < member_count; i++)
        if (!member_parse(&remembered->arena, json_array_get(members, i), &plan->member[i]))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!slot_parse(&remembered->arena, json_array_get(slots, i), plan, &plan->slot[i])
            || (i && plan->slot[i].address <= plan->slot[i - 1].address))
            return false;
    return true;
}

static bool plans_parse(struct remembered *remembered, const json_t *json, const struct process *process)
{
    const json_t *plans = json_object_get(json, "plans");
    uint64_t start;
    int64_t pid, next, last = 0;
    if (!number_parse(json_object_get(json, "pid"), INT32_MAX, &pid) || pid != process->pid
        || !address_parse(json_object_get(json, "start_time"), &start) || start != process->start_time
        || !number_parse(json_object_get(json, "next_id"), INT32_MAX, &next) || !json_is_array(plans))
        return false;
    for (size_t i = 0; i < json_array_size(plans); i++) {
        if (!plan_parse(remembered, json_array_get(plans, i)))
            return false;
        int64_t id = remember_plan(remembered, i)->id;
        if (id <= last || id >= next)
            return false;
        last = id;
    }
    remembered->next_id = (unsigned)next;
    return true;
}

static json_t *open_text(const char *text, size_t size)
{
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    int64_t format;
    if (number_parse(json_object_get(json, "format"), INT32_MAX, &format) && format == REMEMBER_FORMAT)
        return json;
    json_decref(json);
    return NULL;
}

int remember_parse(struct remembered *remembered, const struct process *process, const char *text, size_t size,
                   struct graft_error *error)
{
    json_t *json = open_text(text, size);
    bool good = json && plans_parse(remembered, json, process);
    json_decref(json);
    if (good)
        return 0;
    return error_about(error, GRAFT_EFORMAT, remembered->file, "", "%s, in which graft remembers what it "
                       "applied to process %d, is damaged", remembered->file, process->pid);
}

bool remember_is_from(const char *text, size_t size, const char *namespace)
{
    json_t *json = open_text(text, size);
    const char *from = json_string_value(json_object_get(json, "pid_namespace"));
    bool same = from && !strcmp(from, namespace);
    json_decref(json);
    return same;
}
