/* SPDX-License-Identifier: MIT */
/* Keeps the rules. Invariant: a text is taken whole or not at all; a rule never moves.
 *
 * State: the rules, under the journal's lock. */

#include "bind/late_rules.h"

#include "base/error.h"
#include "base/text.h"
#include "bind/journal.h"
#include "bind/late.h"

static struct arena arena;

struct arena_list late_rules = { .arena = &arena, .element_size = sizeof(struct rule) };

int late_add_rule(const struct rule *rule, struct graft_error *error)
{
    const char **text[5];
    int result = 0;
    journal_lock();
    struct rule copy = *rule;
    text[0] = &copy.consumer, text[1] = &copy.from, text[2] = &copy.onto, text[3] = &copy.table, text[4] = &copy.table_text;
    for (size_t i = 0; i < 5; i++)
        if (*text[i] && !(*text[i] = arena_string(&arena, *text[i])))
            result = -GRAFT_ENOMEM;
    struct rule *kept = result ? NULL : arena_list_push(&late_rules);
    if (kept)
        *kept = copy;
    journal_unlock();
    return kept ? 0 : error_set(error, GRAFT_ENOMEM, "out of memory for a rule");
}

/* The first of them that matches: a wish that was made later does not undo one. */
bool late_find_load_rule(const char *file, struct rule *found)
{
    journal_lock();
    bool any = false;
    for (size_t r = 0; !any && r < late_rules.count; r++) {
        struct rule *rule = arena_list_at(&late_rules, r);
        any = !rule_is_late(rule) && (text_glob_list(rule->consumer, file)
                                      || text_glob_list(rule->consumer, text_basename(file)));
        if (any) {
            rule->met = true;
            *found = *rule;
        }
    }
    journal_unlock();
    return any;
}

bool late_has_load_rules(void)
{
    journal_lock();
    bool any = false;
    for (size_t r = 0; r < late_rules.count; r++)
        any |= !rule_is_late(arena_list_at(&late_rules, r));
    journal_unlock();
    return any;
}

int late_add(const char *rules, struct graft_error *error)
{
    journal_lock();
    int result = rules_parse(&late_rules, rules, error);
    journal_unlock();
    return result;
}
