/* SPDX-License-Identifier: MIT */
/* Reads the rules format. Invariant: a text is taken whole or not at all. */

#include "plan/rules.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"

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

static int option(struct parser *p, struct arena *arena, struct rule *rule, const char *word)
{
    static const struct { const char *word; unsigned set, clear; bool rebind; } flags[] = {
        { "alone", 0, GRAFT_CLOSURE, false }, { "closure", GRAFT_CLOSURE, 0, false },
        { "partial", GRAFT_PARTIAL, 0, true }, { "any-version", GRAFT_ANY_VERSION, 0, true },
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (!strcmp(word, flags[i].word)) {
            if (flags[i].rebind && rule->kind != RULE_REBIND)
                return bad(p, "an isolate rule does not take", word);
            rule->flags = (rule->flags | flags[i].set) & ~flags[i].clear;
            return 0;
        }
    const struct { const char *key, **to; } keys[] = {
        { "onto", &rule->onto }, { "from", &rule->from }, { "only", &rule->only },
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = rule->kind == RULE_REBIND ? keyed(word, keys[i].key) : NULL;
        if (value)
            return (*keys[i].to = arena_string(arena, value)) ? 0 : -GRAFT_ENOMEM;
    }
    return bad(p, "unknown word", word);
}

static int parse_rule(struct parser *p, struct arena *arena, char word[WORD_MAX], struct rule *rule)
{
    *rule = (struct rule){ .flags = GRAFT_CLOSURE, .line = p->line };
    if (!strcmp(word, "rebind"))
        rule->kind = RULE_REBIND;
    else if (!strcmp(word, "isolate"))
        rule->kind = RULE_ISOLATE;
    else
        return bad(p, "a rule starts with rebind or isolate, not", word);
    if (!next_word(p, word))
        return bad(p, "no object is named after", rule->kind == RULE_REBIND ? "rebind" : "isolate");
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
