/* SPDX-License-Identifier: MIT */
/* A load plan as JSON. Invariant: writes into a fixed buffer, so that it can run inside
 * a process that is not ours; the format is docs/guide/json.md. */

#include "plan/load.h"
#include "plan/plan.h"

static const char fate_names[][12] = {
#define GRAFT_X(name, word, text) word,
    GRAFT_FATES(GRAFT_X)
#undef GRAFT_X
};
static const char fate_texts[][64] = {
#define GRAFT_X(name, word, text) text,
    GRAFT_FATES(GRAFT_X)
#undef GRAFT_X
};
static const char binding_names[][12] = {
#define GRAFT_X(name, word, text) word,
    GRAFT_BINDINGS(GRAFT_X)
#undef GRAFT_X
};
static const char source_names[][8] = {
#define GRAFT_X(name, word, text) word,
    GRAFT_SOURCES(GRAFT_X)
#undef GRAFT_X
};

const char *graft_fate_name(enum graft_fate fate)
{
    return (unsigned)fate < sizeof fate_names / sizeof *fate_names ? fate_names[fate] : "?";
}

const char *graft_fate_text(enum graft_fate fate)
{
    return (unsigned)fate < sizeof fate_texts / sizeof *fate_texts ? fate_texts[fate] : "?";
}

const char *graft_binding_name(enum graft_binding binding)
{
    return (unsigned)binding < sizeof binding_names / sizeof *binding_names ? binding_names[binding] : "?";
}

const char *graft_source_name(enum graft_source source)
{
    return (unsigned)source < sizeof source_names / sizeof *source_names ? source_names[source] : "?";
}

static void member(struct text_buffer *out, const char *key, const char *value, bool first)
{
    text_append(out, "%s\"%s\":", first ? "" : ",", key);
    if (value)
        text_append_json(out, value);
    else
        text_append(out, "null");
}

static void write_object(struct text_buffer *out, const struct graft_load_object *o)
{
    text_append(out, "{");
    member(out, "name", o->name, true);
    member(out, "path", o->path, false);
    member(out, "needed_by", o->needed_by, false);
    member(out, "fate", graft_fate_name(o->fate), false);
    member(out, "runtime", o->runtime, false);
    member(out, "version", o->version, false);
    member(out, "host", o->host, false);
    member(out, "host_version", o->host_version && *o->host_version ? o->host_version : NULL, false);
    text_append(out, ",\"opened\":%s}", o->opened ? "true" : "false");
}

static void write_symbol(struct text_buffer *out, const struct graft_load_symbol *s)
{
    text_append(out, "{");
    member(out, "object", s->object, true);
    member(out, "symbol", s->name, false);
    member(out, "version", s->version, false);
    member(out, "binding", graft_binding_name(s->binding), false);
    member(out, "source", graft_source_name(s->source), false);
    text_append(out, ",\"address\":\"0x%lx\"", (unsigned long)s->address);
    member(out, "without", s->without, false);
    member(out, "reason", s->reason, false);
    text_append(out, "}");
}

void load_plan_write_json(const struct graft_load_plan *plan, struct text_buffer *out)
{
    text_append(out, "{");
    member(out, "way", graft_way_name(plan->way), true);
    member(out, "reason", plan->reason, false);
    member(out, "runtime", plan->runtime, false);
    member(out, "host", plan->host, false);
    text_append(out, ",\"bound\":%zu,\"missing\":%zu,\"wrong_copy\":%zu,\"not_curable\":%zu,\"objects\":[",
                plan->bound, plan->missing, plan->wrong, plan->incurable);
    for (size_t i = 0; i < plan->objects.count; i++) {
        text_append(out, i ? "," : "");
        write_object(out, arena_list_at(&plan->objects, i));
    }
    text_append(out, "],\"symbols\":[");
    for (size_t i = 0; i < plan->symbols.count; i++) {
        text_append(out, i ? "," : "");
        write_symbol(out, arena_list_at(&plan->symbols, i));
    }
    text_append(out, "]}");
}
