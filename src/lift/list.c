/* SPDX-License-Identifier: MIT */
/* Reads lists of modules. Invariant: a line that is not understood is an error, so that
 * a mistyped rule never takes or skips in silence. */

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "file/mapping.h"
#include "lift/list.h"

struct list_rule { bool take; const char *glob; };

static char *trim(char *text)
{
    text += strspn(text, " \t\r");
    size_t length = strlen(text);
    while (length && strchr(" \t\r", text[length - 1]))
        text[--length] = 0;
    return text;
}

static int read_line(struct module_list *list, const char *path, unsigned number, char *line, struct graft_error *error)
{
    line = trim(line);
    if (!*line || *line == '#')
        return 0;
    bool take = !strncmp(line, "take", 4), skip = !strncmp(line, "skip", 4);
    char *glob = trim(line + (take || skip ? 4 : 0));
    if ((!take && !skip) || glob == line + 4 || !*glob)
        return error_about(error, GRAFT_ESYNTAX, path, "", "%s:%u: neither `take GLOB` nor `skip GLOB`: %s", path, number, line);
    struct list_rule *rule = arena_list_push(&list->rules);
    if (!rule)
        return error_about(error, GRAFT_ENOMEM, path, "", "%s: out of memory", path);
    *rule = (struct list_rule){ take, glob };
    return 0;
}

int module_list_read(struct module_list *list, const char *path, struct graft_error *error)
{
    const char *text;
    *list = (struct module_list){ .rules.element_size = sizeof(struct list_rule) };
    list->rules.arena = &list->arena;
    int result = mapping_read_text(&text, &list->arena, path, error);
    unsigned number = 1;
    for (char *line = (char *)text; !result && line; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end++ = 0;
        result = read_line(list, path, number, line, error);
        line = end;
    }
    if (result)
        module_list_free(list);
    return result;
}

bool module_list_takes(const struct module_list *list, const char *name, const char *path)
{
    for (size_t i = list->rules.count; i--;) {
        const struct list_rule *rule = arena_list_at(&list->rules, i);
        if (text_glob(rule->glob, name) || text_glob(rule->glob, path))
            return rule->take;
    }
    return true;
}

void module_list_free(struct module_list *list)
{
    arena_free(&list->arena);
    *list = (struct module_list){ 0 };
}
