/* SPDX-License-Identifier: MIT */
/* Reads tables of addresses. Invariant: an address is never taken without the build-id
 * of the object that it is in. */

#include "plan/table.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { WORD_MAX = 4096, WORDS_MAX = 8 };

struct reader {
    struct table *table;
    unsigned line;
    struct graft_error *error;
    char text[WORD_MAX];
    char *word[WORDS_MAX];
    size_t count;
};

static int bad(struct reader *r, const char *what, const char *word)
{
    return error_about(r->error, GRAFT_ESYNTAX, "", "", "table, line %u: %s '%s'", r->line, what, word);
}

/* Takes one line apart; returns where the next one begins, NULL: too long. */
static const char *split(struct reader *r, const char *at)
{
    size_t length = strcspn(at, "\n"), used = strcspn(at, "#\n");
    if (used >= sizeof r->text)
        return NULL;
    memcpy(r->text, at, used);
    r->text[used] = '\0';
    r->count = 0;
    for (char *save, *word = strtok_r(r->text, " \t\r", &save); word && r->count < WORDS_MAX; word = strtok_r(NULL, " \t\r", &save))
        r->word[r->count++] = word;
    return at + length + (at[length] == '\n');
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static size_t object_named(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->objects.count; i++)
        if (!strcmp(((struct table_object *)arena_list_at(&table->objects, i))->name, name))
            return i;
    return WORLD_NONE;
}

static int read_build_id(struct reader *r)
{
    if (r->count != 3)
        return bad(r, "a line is 'build-id OBJECT HEX', not", r->word[0]);
    if (object_named(r->table, r->word[1]) != WORLD_NONE)
        return bad(r, "a second build-id of", r->word[1]);
    struct table_object *object = arena_list_push(&r->table->objects);
    if (!object || !(object->name = arena_string(&r->table->arena, r->word[1])))
        return -GRAFT_ENOMEM;
    const char *hex = r->word[2];
    size_t size = strlen(hex) / 2;
    if (!size || size > ELF_BUILD_ID_MAX || strlen(hex) % 2)
        return bad(r, "no build-id:", hex);
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return bad(r, "no build-id:", hex);
        object->build_id[i] = (uint8_t)(high << 4 | low);
    }
    object->build_id_size = size;
    return 0;
}

static bool number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 0);
    return *text >= '0' && *text <= '9' && !*end && !errno;
}

static int read_entry(struct reader *r)
{
    struct table_entry entry = { .type = STT_FUNC };
    char *plus = r->count >= 3 ? strrchr(r->word[2], '+') : NULL;
    if (r->count < 3 || r->count > 5 || strcmp(r->word[1], "=") || !plus)
        return bad(r, "a line is 'NAME = OBJECT+OFFSET [func|object] [SIZE]', not", r->word[0]);
    *plus = '\0';
    entry.object = object_named(r->table, r->word[2]);
    if (entry.object == WORLD_NONE)
        return bad(r, "no build-id line comes before this for", r->word[2]);
    if (!number(plus + 1, &entry.offset))
        return bad(r, "no offset:", plus + 1);
    if (r->count > 3 && strcmp(r->word[3], "func") && strcmp(r->word[3], "object"))
        return bad(r, "neither func nor object:", r->word[3]);
    if (r->count > 3 && r->word[3][0] == 'o')
        entry.type = STT_OBJECT;
    if (r->count > 4 && !number(r->word[4], &entry.size))
        return bad(r, "no size:", r->word[4]);
    entry.name = arena_string(&r->table->arena, r->word[0]);
    struct table_entry *kept = entry.name ? arena_list_push(&r->table->entries) : NULL;
    if (!kept)
        return -GRAFT_ENOMEM;
    *kept = entry;
    return 0;
}

int table_parse(struct table *table, const char *text, struct graft_error *error)
{
    struct reader r = { .table = table, .error = error };
    int result = 0;
    *table = (struct table){ .objects = { .element_size = sizeof(struct table_object) },
                             .entries = { .element_size = sizeof(struct table_entry) } };
    table->objects.arena = table->entries.arena = &table->arena;
    while (text && *text && !result) {
        r.line++;
        if (!(text = split(&r, text)))
            return bad(&r, "this line is too long", "");
        if (r.count)
            result = strcmp(r.word[0], "build-id") || (r.count > 1 && !strcmp(r.word[1], "=")) ? read_entry(&r) : read_build_id(&r);
    }
    return result == -GRAFT_ENOMEM ? error_set(error, GRAFT_ENOMEM, "out of memory while reading a table") : result;
}

void table_free(struct table *table)
{
    arena_free(&table->arena);
}

bool table_is_of(const struct table_object *named, const struct world_object *object)
{
    return named->build_id_size == object->image.build_id_size
        && !memcmp(named->build_id, object->image.build_id, named->build_id_size);
}
