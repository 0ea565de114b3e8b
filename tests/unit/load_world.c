/* SPDX-License-Identifier: MIT */
/* Builds worlds for plan_load out of elf_builder's images. */

#include "load_world.h"

#include <elf.h>
#include <string.h>

#include "process.h"

static const struct build program = { .elf_class = ELFCLASS64, .machine = EM_X86_64, .gnu_hash = true,
                                      .symbols = { { "main", 0x10, 1, 1, STT_FUNC, STB_GLOBAL, STV_DEFAULT, 0 } } };

static size_t add(struct load_world *w, struct world *to, const char *path, const struct build *build)
{
    assert_true(w->count < LOAD_WORLD_MAX);
    struct built *built = &w->built[w->count];
    w->made_of[w->count] = *build;
    w->made_of[w->count].elf_class = ELFCLASS64;
    w->made_of[w->count].machine = EM_X86_64;
    w->made_of[w->count].gnu_hash = true;
    build_image(built, &w->made_of[w->count++]);
    struct world_object *object = world_add(to);
    assert_non_null(object);
    object->path = path;
    object->link_map = 0x1000 * w->count;
    if (elf_image_open_file(&object->image, built->bytes, built->size, &w->error))
        fail_msg("%s: %s", path, w->error.text);
    return to->objects.count - 1;
}

void load_world_init(struct load_world *w)
{
    memset(w, 0, sizeof *w);
    world_init(&w->here);
    world_init(&w->closure.files);
    w->closure.needs = (struct arena_list){ .arena = &w->closure.files.arena, .element_size = sizeof(struct load_need) };
    w->here.main = add(w, &w->here, "/bin/program", &program);
    world_object(&w->here, 0)->is_main = true;
    w->wish.size = sizeof w->wish;
    w->request = (struct load_request){ .path = "/lib/consumer.so", .now = true, .wish = &w->wish };
}

void load_world_free(struct load_world *w)
{
    graft_load_plan_free(w->plan);
    world_free(&w->here);
    world_free(&w->closure.files);
    while (w->count)
        built_free(&w->built[--w->count]);
}

size_t load_world_here(struct load_world *w, const char *path, const struct build *build)
{
    return add(w, &w->here, path, build);
}

size_t load_world_coming(struct load_world *w, const char *path, const struct build *build)
{
    return add(w, &w->closure.files, path, build);
}

void load_world_needs(struct load_world *w, size_t by, const char *name, size_t coming)
{
    struct load_need *need = arena_list_push(&w->closure.needs);
    assert_non_null(need);
    *need = (struct load_need){ .by = by, .name = name, .coming = coming };
}

static int plan(struct load_world *w)
{
    graft_load_plan_free(w->plan);
    w->plan = NULL;
    memset(&w->error, 0, sizeof w->error);
    return plan_load(&w->plan, &w->here, &w->closure, &w->request, &w->error);
}

enum graft_way load_world_plan(struct load_world *w)
{
    int result = plan(w);
    if (result)
        fail_msg("%d: %s", result, w->error.text);
    assert_true(graft_load_plan_reason(w->plan)[0] != '\0');
    return graft_load_plan_way(w->plan);
}

int load_world_fails(struct load_world *w)
{
    int result = plan(w);
    assert_true(result < 0);
    assert_null(w->plan);
    assert_int_equal(w->error.code, result);
    return result;
}

const struct graft_load_object *load_world_object(const struct load_world *w, const char *name)
{
    const struct graft_load_object *o;
    for (size_t i = 0; (o = graft_load_plan_object(w->plan, i)); i++)
        if (!strcmp(o->name, name))
            return o;
    fail_msg("the plan does not list %s", name);
    return NULL;
}

const struct graft_load_symbol *load_world_symbol(const struct load_world *w, const char *name)
{
    const struct graft_load_symbol *s;
    for (size_t i = 0; (s = graft_load_plan_symbol(w->plan, i)); i++)
        if (!strcmp(s->name, name))
            return s;
    fail_msg("the plan does not list %s", name);
    return NULL;
}
