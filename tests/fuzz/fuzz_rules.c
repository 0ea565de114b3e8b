/* SPDX-License-Identifier: MIT */
/* Fuzz target over the rules format, with the globs and the JSON strings that its
 * words end up in. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/plan.h"
#include "plan/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void use(const char *word)
{
    char room[64];
    struct text_buffer out = { room, sizeof room, 0 };
    if (!word)
        return;
    text_glob(word, "libpython3.11.so.1.0");
    text_glob_list(word, "PyErr_SetString");
    text_append_json(&out, word);
    must(out.length >= strlen(word) + 2);
    must(strlen(room) < sizeof room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct arena_list rules = { .arena = &arena, .element_size = sizeof(struct rule) };
    struct graft_error error = { 0 };
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    int result = rules_parse(&rules, text, &error);
    must(result ? error.code == result && error.text[0] && rules.count == 0 : !error.code);
    for (size_t i = 0; i < rules.count; i++) {
        const struct rule *rule = arena_list_at(&rules, i);
        must(rule->consumer && rule->line);
        use(rule->consumer);
        use(rule->from);
        use(rule->onto);
        use(rule->only);
    }
    arena_free(&arena);
    free(text);
    return 0;
}
