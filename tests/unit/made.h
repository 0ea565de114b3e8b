/* SPDX-License-Identifier: MIT */
#ifndef TESTS_MADE_H
#define TESTS_MADE_H

/* Stand-ins as the tests make them, and as files that ld.so opens. */

#include "load/stand_in.h"

struct made { unsigned char *bytes; struct stand_in_layout layout; };

/* Made of @wish in memory; the test fails if it cannot be. */
struct made make(const struct stand_in *wish);
void unmake(struct made *);

/* One with three versions, five symbols and room for a hundred more. */
extern const struct stand_in usual;
extern const struct stand_in_symbol some[5];

/* @count symbols "PREFIX_0"…, with the address @base + i. no_more frees them. */
struct stand_in_symbol *many(const char *prefix, size_t count, const char *version, uint64_t base);
void no_more(struct stand_in_symbol *);

/* The path of the file that save writes; open_made saves and opens it. */
extern char made_path[64];
void save(const struct made *);
void *open_made(const struct made *);

/* For the group: a folder for the file. */
int make_folder(void **state);
int remove_folder(void **state);

#endif
