/* SPDX-License-Identifier: MIT */
/* Serialisation of a plan. Invariant: writes into a fixed buffer, so that it can
 * run inside a process that is not ours; the format is docs/guide/json.md. */

#include <inttypes.h>

#include "plan/plan.h"

/* Bytes of the well-formed UTF-8 sequence at @p, 0 if it is none (Unicode, table
 * 3-7: no overlong forms, no surrogates, nothing above U+10FFFF). */
static size_t utf8_length(const unsigned char *p)
{
    static const struct { unsigned char first, last, low, high, length; } forms[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
        { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
        { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        if (p[0] < forms[f].first || p[0] > forms[f].last)
            continue;
        if (p[1] < forms[f].low || p[1] > forms[f].high)
            return 0;
        for (size_t i = 2; i < forms[f].length; i++)
            if ((p[i] & 0xc0) != 0x80)
                return 0;
        return forms[f].length;
    }
    return 0;
}

/* The bytes at @p that a JSON string takes as they are. */
static size_t plain_length(const unsigned char *p)
{
    size_t length = 0, next;
    do {
        unsigned char c = p[length];
        next = c >= 0x80 ? utf8_length(p + length) : c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
        length += next;
    } while (next);
    return length;
}

/* Names may be any bytes: one that is not UTF-8 is written as the character of
 * that number. */
void text_append_json(struct text_buffer *out, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    text_append(out, "\"");
    while (*p) {
        size_t plain = plain_length(p);
        if (plain)
            text_append(out, "%.*s", (int)plain, p);
        else if (*p == '"' || *p == '\\')
            text_append(out, "\\%c", *p);
        else
            text_append(out, "\\u%04x", *p);
        p += plain ? plain : 1;
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
