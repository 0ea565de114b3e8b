/* SPDX-License-Identifier: MIT */
/* Reads the rules format. Invariant: a text is taken whole or not at all. */

#include "plan/rules.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

struct parser {
    const char *at;
    unsigned line;
    struct graft_error *error;
};

enum { WORD_MAX = 4096 };

/* The next word on this line in @word; false at its end. */
static bool next_word(struct parser *p, char word[WORD_MAX])
{
    size_t length = 0;
    p->at += strspn(p->at, " \t\r");
    if (*p->at == '#')
        p->at += strcspn(p->at, "\n");
    while (*p->at && !strchr(" \t\r\n;", *p->at) && length < WORD_MAX - 1)
        word[length++] = *p->at++;
    word[length] = '\0';
    return length > 0;
}

/* Whether the word just read was cut: its rest would pass for another word. */
static bool is_cut(const struct parser *p)
{
    return *p->at && !strchr(" \t\r\n;", *p->at);
}

static int bad(struct parser *p, const char *what, const char *word)
{
    return error_about(p->error, GRAFT_ESYNTAX, "", "", "rules, line %u: %s '%s'", p->line, what, word);
}

/* The value of "key=value" if @word has that key, else NULL. */
static const char *keyed(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) || word[length] != '=' ? NULL : word + length + 1;
}

/* Which rules take a word: bits of enum rule_kind. */
enum { REBIND = 1 << RULE_REBIND, ISOLATE = 1 << RULE_ISOLATE, LOAD = 1 << RULE_LOAD, OWN = 1 << RULE_OWN };

static const char words[][8] = { "rebind", "isolate", "load", "own" };
enum { KINDS = sizeof words / sizeof *words };

const char *rule_word(enum rule_kind kind)
{
    return words[kind];
}

static int flag(struct parser *p, struct rule *rule, const char *word, bool *taken)
{
    static const struct { const char *word; unsigned set, clear, kinds; } flags[] = {
        { "alone", 0, GRAFT_CLOSURE, REBIND | ISOLATE }, { "closure", GRAFT_CLOSURE, 0, REBIND | ISOLATE },
        { "partial", GRAFT_PARTIAL, 0, REBIND | LOAD }, { "any-version", GRAFT_ANY_VERSION, 0, REBIND | LOAD },
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(word, flags[i].word))
            continue;
        *taken = true;
        rule->flags = (rule->flags | flags[i].set) & ~flags[i].clear;
        if (!(flags[i].kinds & 1u << rule->kind))
            return error_about(p->error, GRAFT_ESYNTAX, "", "", "rules, line %u: %s rule does not take '%s'", p->line,
                               rule->kind == RULE_ISOLATE || rule->kind == RULE_OWN ? rule->kind == RULE_OWN ? "an own" : "an isolate"
                               : "a load", word);
    }
    return 0;
}

static int take_ways(struct parser *p, struct rule *rule, const char *list)
{
    char word[64];
    while ((list = text_list_next(list, word, sizeof word))) {
        unsigned way = 0;
        while (way < GRAFT_WAY_REFUSE && strcmp(graft_way_name(way), word))
            way++;
        if (way == GRAFT_WAY_REFUSE)
            return bad(p, "no such way:", word);
        rule->ways |= GRAFT_WAY_BIT(way);
    }
    return 0;
}

static int option(struct parser *p, struct arena *arena, struct rule *rule, const char *word)
{
    bool taken = false;
    int result = flag(p, rule, word, &taken);
    if (result || taken)
        return result;
    const struct { const char *key, **to; unsigned kinds; } keys[] = {
        { "onto", &rule->onto, REBIND | LOAD }, { "from", &rule->from, REBIND | LOAD },
        { "only", &rule->only, REBIND }, { "table", &rule->table, LOAD },
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = keys[i].kinds & 1u << rule->kind ? keyed(word, keys[i].key) : NULL;
        if (value)
            return (*keys[i].to = arena_string(arena, value)) ? 0 : -GRAFT_ENOMEM;
    }
    if (rule->kind == RULE_LOAD && keyed(word, "ways"))
        return take_ways(p, rule, keyed(word, "ways"));
    return bad(p, "unknown word", word);
}

static int parse_rule(struct parser *p, struct arena *arena, char word[WORD_MAX], struct rule *rule)
{
    unsigned kind = 0;
    while (kind < KINDS && strcmp(word, words[kind]))
        kind++;
    if (kind == KINDS)
        return bad(p, "a rule starts with rebind, isolate, load or own, not", word);
    *rule = (struct rule){ .kind = (enum rule_kind)kind, .line = p->line,
                           .flags = kind == RULE_REBIND || kind == RULE_ISOLATE ? GRAFT_CLOSURE : 0 };
    if (!next_word(p, word))
        return bad(p, "no object is named after", words[kind]);
    if (is_cut(p))
        return bad(p, "this word is too long:", word);
    rule->consumer = arena_string(arena, word);
    while (next_word(p, word)) {
        int result = is_cut(p) ? bad(p, "this word is too long:", word)
                               : option(p, arena, rule, word);
        if (result)
            return result;
    }
    return rule->consumer ? 0 : -GRAFT_ENOMEM;
}

int rules_parse(struct arena_list *rules, const char *text, struct graft_error *error)
{
    struct parser p = { text, 1, error };
    size_t before = rules->count;
    char word[WORD_MAX];
    while (*p.at) {
        struct rule rule;
        if (next_word(&p, word)) {
            int result = parse_rule(&p, rules->arena, word, &rule);
            struct rule *kept = result ? NULL : arena_list_push(rules);
            if (!kept) {
                rules->count = before;
                return result ? result : -GRAFT_ENOMEM;
            }
            *kept = rule;
        }
        if (*p.at == '\n')
            p.line++;
        if (*p.at)
            p.at++;
    }
    return 0;
}
