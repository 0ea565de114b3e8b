/* SPDX-License-Identifier: MIT */
#ifndef TESTS_LOAD_WORLD_H
#define TESTS_LOAD_WORLD_H

/* Hand-made worlds for plan_load: objects that are here, files that are coming, and who
 * needs whom. All images are made by elf_builder; nothing is on a disk. */

#include <stdbool.h>
#include <graft/load.h>

#include "elf_builder.h"
#include "plan/load.h"

enum { LOAD_WORLD_MAX = 16 };

struct load_world {
    struct world here;
    struct load_closure closure;
    struct load_request request;
    struct graft_load wish;
    struct built built[LOAD_WORLD_MAX];
    struct build made_of[LOAD_WORLD_MAX];
    size_t count;
    struct graft_load_plan *plan;
    struct graft_error error;
};

/* An empty world with a program in it, /bin/program; the wish and the request are as of
 * dlopen(/lib/consumer.so, RTLD_NOW) without wishes. */
void load_world_init(struct load_world *);
void load_world_free(struct load_world *);

/* Adds an object that is loaded, or a file that would come; its index there. */
size_t load_world_here(struct load_world *, const char *path, const struct build *);
size_t load_world_coming(struct load_world *, const char *path, const struct build *);

/* File @by needs @name: file @coming, or WORLD_NONE. */
void load_world_needs(struct load_world *, size_t by, const char *name, size_t coming);

/* Plans; the test fails if that fails. The way, with what was planned in @plan. */
enum graft_way load_world_plan(struct load_world *);

/* The code of a plan that must fail. */
int load_world_fails(struct load_world *);

/* What the plan says of the object of that name, and of that symbol; the test fails if
 * it says nothing. */
const struct graft_load_object *load_world_object(const struct load_world *, const char *name);
const struct graft_load_symbol *load_world_symbol(const struct load_world *, const char *name);

#endif
