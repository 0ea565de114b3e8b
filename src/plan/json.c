/* SPDX-License-Identifier: MIT */
/* Serialisation of a plan. Invariant: writes into a fixed buffer, so that it can
 * run inside a process that is not ours; the format is docs/guide/json.md. */

#include <inttypes.h>

#include "plan/plan.h"

void text_append_json(struct text_buffer *out, const char *text)
{
    text_append(out, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            text_append(out, "\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f)   /* bytes, not characters: names may be anything */
            text_append(out, "\\u%04x", *p);
        else
            text_append(out, "%c", *p);
    }
    text_append(out, "\"");
}

static void field(struct text_buffer *out, const char *name, const char *text)
{
    text_append(out, ",\"%s\":", name);
    if (text)
        text_append_json(out, text);
    else
        text_append(out, "null");
}

static void write_edit(const struct plan_entry *entry, struct text_buffer *out)
{
    const struct graft_edit *edit = &entry->edit;
    text_append(out, "{\"verdict\":\"%s\"", graft_verdict_name(edit->verdict));
    field(out, "object", edit->object);
    field(out, "symbol", edit->symbol);
    field(out, "version", edit->version);
    text_append(out, ",\"kind\":\"%s\",\"slot\":\"0x%" PRIxPTR "\",\"old\":\"0x%" PRIxPTR
                "\",\"new\":\"0x%" PRIxPTR "\"", graft_slot_kind_name(edit->kind), edit->slot,
                edit->old_value, edit->new_value);
    field(out, "old_object", edit->old_object);
    field(out, "new_object", edit->new_object);
    text_append(out, ",\"member\":%d,\"target\":%d}", entry->member, entry->target);
}

static void write_member(const struct plan_member *member, struct text_buffer *out)
{
    text_append(out, "{\"path\":");
    text_append_json(out, member->path);
    field(out, "name", member->name);
    text_append(out, ",\"namespace\":%u,\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64
                "\",\"build_id\":\"", member->space, member->start, member->end);
    for (size_t i = 0; i < member->build_id_size; i++)
        text_append(out, "%02x", member->build_id[i]);
    text_append(out, "\"}");
}

void plan_write_json(const struct graft_plan *plan, struct text_buffer *out)
{
    text_append(out, "{\"format\":1,\"word_size\":%u,\"relocations\":%zu,\"edits\":%zu,\"refusals\":%zu,"
                "\"partial\":%s,\"members\":[", plan->word_size, plan->relocations, plan_edits(plan),
                plan_refusals(plan), plan->flags & GRAFT_PARTIAL ? "true" : "false");
    for (size_t i = 0; i < plan->members.count; i++) {
        text_append(out, "%s", i ? "," : "");
        write_member(plan_member(plan, (int)i), out);
    }
    text_append(out, "],\"slots\":[");
    for (size_t i = 0; i < plan->entries.count; i++) {
        text_append(out, "%s", i ? ",\n" : "\n");
        write_edit(plan_entry(plan, i), out);
    }
    text_append(out, "]}\n");
}
