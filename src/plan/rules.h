/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_RULES_H
#define GRAFT_PLAN_RULES_H

/* Rules: what to do with objects that are loaded later. The text format is
 * graft-rules(5):
 *
 *     rebind CONSUMER [onto=HOST] [from=DUPLICATE] [only=SYMBOLS] [alone] [partial] [any-version]
 *     isolate OBJECTS [alone]
 *     load GLOBS [onto=HOST] [from=DUPLICATE] [ways=WAYS] [table=FILE] [partial] [any-version]
 *     own GLOBS
 *
 * one a line (or separated by semicolons), `#` to the end of the line a comment. */

#include <stdbool.h>

#include <graft/load.h>

#include "base/arena.h"

enum rule_kind { RULE_REBIND, RULE_ISOLATE, RULE_LOAD, RULE_OWN };

struct rule {
    enum rule_kind kind;
    const char *consumer;           /* glob; of load and own: globs with commas between them */
    const char *from, *onto, *only; /* NULL: not given */
    const char *table, *table_text; /* of load: a file of addresses, or its text; NULL: not given */
    unsigned ways;                  /* of load: GRAFT_WAY_BITs; 0: all */
    unsigned flags;                 /* GRAFT_CLOSURE and so on */
    bool met;                       /* of load and own: something was loaded that it matches */
    unsigned line;
};

/* The word that a rule of that kind starts with. */
const char *rule_word(enum rule_kind);

/* Whether it is carried out on what is loaded, not while it is. */
static inline bool rule_is_late(const struct rule *rule)
{
    return rule->kind == RULE_REBIND || rule->kind == RULE_ISOLATE;
}

/* Parses @text and appends to @rules (elements struct rule), strings in the list's
 * arena. -GRAFT_ESYNTAX names the line and the word; nothing is appended then. */
int rules_parse(struct arena_list *rules, const char *text, struct graft_error *);

#endif
