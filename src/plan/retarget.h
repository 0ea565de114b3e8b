/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_RETARGET_H
#define GRAFT_PLAN_RETARGET_H

/* The one engine behind rebind, isolate and replacing functions: walks the
 * relocations of the consumers and asks a policy which slots must leave their
 * present owner, and for whom. */

#include "elf/reloc.h"
#include "plan/plan.h"
#include "plan/scan.h"
#include "plan/target.h"

struct retarget;

/* The word that a relocation filled. */
struct retarget_slot {
    const struct elf_reloc *reloc;
    enum elf_reloc_class class;
    uint64_t value;                 /* that it holds */
    int64_t addend;
};

struct retarget_policy {
    /* Index of the object that owns run-time address @address if slots must
     * leave it, else WORLD_NONE. */
    size_t (*leaves)(const struct retarget *, uint64_t address);
    /* For a slot that holds no address (not resolved yet, thread-local, in a
     * file): the object that slots must leave and that defines the name, else
     * WORLD_NONE; *elsewhere: another object comes before it in the scope. */
    size_t (*leaves_by_name)(const struct retarget *, const struct reference *, struct elf_symbol *,
                             bool *elsewhere);
    /* The new definition; out->object WORLD_NONE: nothing to do. */
    void (*arrives)(const struct retarget *, const struct reference *, struct target *out);
    /* Instead of all three, for a policy that knows its slots by their addresses: a slot
     * that holds one of them (returns 1 if it is), and a PLT slot that still holds its
     * own stub. */
    int (*resolved)(struct retarget *, const struct retarget_slot *);
    int (*unresolved)(struct retarget *, const struct retarget_slot *);
};

/* What was found for a name: many objects refer to the same few. */
struct retarget_answer {
    struct reference reference;     /* name NULL: none yet */
    size_t owner;
    enum elf_found found;           /* in the owner */
    struct elf_symbol definition;   /* there */
    struct target target;
};

enum { RETARGET_ANSWERS = 64 };

struct retarget {
    const struct world *world;
    struct graft_plan *plan;
    const struct retarget_policy *policy;
    const void *data;               /* the policy's */
    const char *only;               /* symbol globs, NULL: all */
    unsigned flags;
    uint64_t low, size;             /* run-time addresses outside are never left */
    const struct scan_filter *filter;
    struct retarget_answer *answers;        /* by hash; in the plan's arena */
    /* of the object being walked */
    size_t consumer;
    int member;
};

/* Plans the slots of one object. -GRAFT_ENOMEM. */
int retarget_object(struct retarget *, size_t consumer);

/* The symbol of a relocation of the consumer; false if its index is bad. */
bool retarget_reference(const struct retarget *, const struct elf_reloc *, enum elf_reloc_class,
                        struct reference *, struct elf_symbol *);

/* The words a thread-local reference occupies (src/plan/tls.c). */
int retarget_tls(struct retarget *, const struct elf_reloc *, enum elf_reloc_class);

/* Adds an entry for the consumer's slot at link address @offset. */
int retarget_add(struct retarget *, const struct plan_entry *, uint64_t offset);

/* The object that a reference without an address must leave, or WORLD_NONE. */
size_t retarget_owner(const struct retarget *, const struct reference *, struct elf_symbol *);

/* The kind that a class of relocation fills. */
enum graft_slot_kind retarget_kind(enum elf_reloc_class);

/* Whether @symbol is among the names asked for. */
bool retarget_asked(const struct retarget *, const char *symbol);

#endif
