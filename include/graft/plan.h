/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_PLAN_H
#define GRAFT_PLAN_H

/* A plan is built, then inspected, then applied, then perhaps undone.
 *
 *   graft_plan_rebind ──▶ graft_plan_edit… ──▶ graft_plan_apply ──▶ graft_plan_undo
 *
 * It belongs to the caller and is used by one thread at a time; different
 * plans may be used by different threads at once. */

#include <stddef.h>
#include <stdint.h>
#include <graft/graft.h>

#ifdef __cplusplus
extern "C" {
#endif

struct graft_plan;

/* The kind of relocation that filled a slot: X(name, text). Two are filled by none:
 * EXPORT is the value of a function in the symbol table of the object that defines it,
 * out of which the loader binds what comes later; LOADER is a pointer that ld.so keeps
 * to a function of libc. */
#define GRAFT_SLOT_KINDS(X) \
    X(JUMP_SLOT, "JUMP_SLOT") \
    X(GLOB_DAT,  "GLOB_DAT") \
    X(SYMBOLIC,  "SYMBOLIC") \
    X(COPY,      "COPY") \
    X(DTPMOD,    "DTPMOD") \
    X(DTPOFF,    "DTPOFF") \
    X(TPOFF,     "TPOFF") \
    X(TLSDESC,   "TLSDESC") \
    X(TLSDESC_ARG, "TLSDESC_ARG") \
    X(EXPORT,    "EXPORT") \
    X(LOADER,    "LOADER") \
    X(OTHER,     "OTHER")

enum graft_slot_kind {
#define GRAFT_X(name, text) GRAFT_SLOT_##name,
    GRAFT_SLOT_KINDS(GRAFT_X)
#undef GRAFT_X
};

/* Why a slot will or will not be edited: X(name, short name, text).
 * EDIT to WEAK are edited; SAME to OVERLAP are left alone and do no harm; the rest
 * would leave the consumer half bound, so that they refuse the plan unless
 * GRAFT_PARTIAL is given. */
#define GRAFT_VERDICTS(X) \
    X(EDIT,      "edit",       "will be edited") \
    X(LAZY,      "edit-lazy",  "not resolved yet; will be edited and verified") \
    X(WEAK,      "edit-weak",  "a weak reference that the new owner lacks; becomes 0 as the loader would leave it") \
    X(SAME,      "same",       "holds the wanted value already") \
    X(CHANGED,   "changed",    "the program has changed this pointer since it was loaded; left") \
    X(ELSEWHERE, "elsewhere",  "will resolve to a third object; left") \
    X(NOT_ASKED, "not-asked",  "outside the names asked for") \
    X(SHARED,    "shared",     "a unique symbol, or the allocator: one for all; left") \
    X(LATE,      "late",       "the symbol table cannot lead here: libraries that come later are hooked once they are loaded") \
    X(OPEN,      "open",       "not resolved yet, and several objects may serve it: the loader is asked which, once the rest is done") \
    X(OVERLAP,   "overlap",    "a hook for other callers holds this slot: give both the same callers; left") \
    X(MISSING,   "missing",    "the new owner does not define this symbol") \
    X(VERSION,   "version",    "the new owner has this name in another version only") \
    X(TYPE,      "type",       "the two definitions are of different types") \
    X(HIDDEN,    "hidden",     "the new owner hides this symbol") \
    X(TPOFF,     "tls-direct", "thread-local storage reached directly (TPOFF): the offset is in the code's data for this copy") \
    X(TLS,       "tls",        "thread-local storage that the new owner cannot serve from here") \
    X(IFUNC,     "ifunc",      "an indirect function whose choice is not known from here") \
    X(COPY,      "copy",       "a copy relocation: the data itself was copied into this object") \
    X(RELOC,     "relocation", "a relocation type that is not understood") \
    X(PROTECTED, "executable", "the slot lies in executable memory")

enum graft_verdict {
#define GRAFT_X(name, word, text) GRAFT_VERDICT_##name,
    GRAFT_VERDICTS(GRAFT_X)
#undef GRAFT_X
};

/* A slot with its old and its new value, and the verdict on it. Strings live as
 * long as the plan. For what is not edited new_value is 0 or what it would have
 * been. Since 0.1. */
struct graft_edit {
    const char *object, *symbol, *version;      /* version: NULL for none */
    uintptr_t slot;                             /* address; in a file, the link address */
    enum graft_slot_kind kind;
    uintptr_t old_value, new_value;
    const char *old_object, *new_object;        /* NULL: none */
    enum graft_verdict verdict;
};

enum {
    GRAFT_CLOSURE     = 1 << 0,     /* the consumer with every object it brought along */
    GRAFT_PARTIAL     = 1 << 1,     /* edit what can be edited */
    GRAFT_ANY_VERSION = 1 << 2      /* a symbol of another version will do */
};

/* What to rebind. Since 0.1. */
struct graft_rebind {
    size_t size;                    /* sizeof(struct graft_rebind), for growth */
    void *handle;                   /* the consumer, from dlopen … */
    const char *consumer;           /* … or by path, SONAME or glob */
    const char *from, *onto;        /* globs; NULL: found; onto "main": the executable */
    const char *only;               /* symbol globs, comma separated; NULL: all */
    unsigned flags;
};

/* Text of a kind or a verdict; static storage, never NULL. Since 0.1. */
GRAFT_API const char *graft_slot_kind_name(enum graft_slot_kind);
GRAFT_API const char *graft_verdict_name(enum graft_verdict);
GRAFT_API const char *graft_verdict_text(enum graft_verdict);

/* Plans to move the consumer's references from the duplicate onto the host.
 * Writes nothing. Other threads may run, load and unload meanwhile.
 * -GRAFT_ENOOBJ, -GRAFT_ENODUP (the consumer reaches no runtime that is here
 * twice), -GRAFT_ENOHOST (no other object holds that runtime), -GRAFT_EAMBIG,
 * -GRAFT_EREFUSED (the consumer embeds the runtime), -GRAFT_ESTATIC, -GRAFT_EINVAL,
 * -GRAFT_ENOMEM. A plan that holds refused slots is still returned with 0: apply
 * refuses it. The caller frees *plan. Since 0.1. */
GRAFT_API int graft_plan_rebind(struct graft_plan **plan, const struct graft_rebind *,
                                struct graft_error *);

/* Plans the inverse: references of the objects that match the glob @objects, and
 * with GRAFT_CLOSURE of all that they brought along, go back to the definitions
 * in that same closure, where another object captured them. What stays shared: objects
 * that the main program needs itself (libc, libstdc++), malloc and its family, operator new
 * and delete, and STB_GNU_UNIQUE symbols. Since 0.1. */
GRAFT_API int graft_plan_isolate(struct graft_plan **plan, const char *objects, unsigned flags,
                                 struct graft_error *);

/* One slot of a loaded object, as graft_slots_each tells it. @symbol and @version
 * are what the object asks for, not what it got; they live as long as the object. */
struct graft_slot {
    size_t size;                    /* sizeof, for growth */
    const char *symbol, *version;   /* version: NULL for none */
    uintptr_t address;              /* of the word; while not resolved it leads to the resolver */
    intptr_t addend;                /* what the word holds beyond the symbol's address */
    enum graft_slot_kind kind;      /* JUMP_SLOT, GLOB_DAT or SYMBOLIC */
    int protection;                 /* PROT_… of its page, now */
    unsigned is_weak;               /* may stay undefined */
};

/* Calls @each for every slot that is bound by name of the object whose segments
 * cover @address, those of the PLT first, until it returns other than 0; returns
 * that. The loader's lock is held: @each must not call graft, dlopen, dlsym or
 * malloc. -GRAFT_ENOOBJ, -GRAFT_EFORMAT, -GRAFT_ESYS. Since 0.1. */
GRAFT_API int graft_slots_each(const void *address, int (*each)(const struct graft_slot *, void *arg), void *arg,
                               struct graft_error *);

/* Number of entries, edited or not, and the entry at @i, NULL past the end.
 * Since 0.1. */
GRAFT_API size_t graft_plan_count(const struct graft_plan *);
GRAFT_API const struct graft_edit *graft_plan_edit(const struct graft_plan *, size_t i);

/* Applies every edit of @plan or none. Other threads may call through the slots
 * meanwhile. A target object is kept loaded until undo. -GRAFT_EREFUSED,
 * -GRAFT_ESTALE, -GRAFT_EPROT, -GRAFT_ESTATE. Since 0.1. */
GRAFT_API int graft_plan_apply(struct graft_plan *, struct graft_error *);

/* Puts back exactly what was there. Edits that a later plan made on top stay
 * alive; slots of objects that were closed are forgotten; a slot that somebody
 * else has written since is left, and -GRAFT_ESTALE says so after the rest was
 * put back. Since 0.1. */
GRAFT_API int graft_plan_undo(struct graft_plan *, struct graft_error *);

/* Frees the plan's memory; NULL is allowed. An applied plan stays applied and
 * can then no longer be undone. Since 0.1. */
GRAFT_API void graft_plan_free(struct graft_plan *);

/* Five lines to first success: the closure of @handle onto the host found.
 * As graft_plan_rebind and graft_plan_apply. Since 0.1. */
GRAFT_API int graft_rebind(void *handle, struct graft_error *);

/* Rules for objects that come later, in the text format of graft-rules(5).
 * They take effect at once for what is loaded, and after each dlopen and dlmopen
 * once graft_watch was called. -GRAFT_ESYNTAX names line and word; -GRAFT_ESTATIC.
 * Since 0.1. */
GRAFT_API int graft_rules_add(const char *text, struct graft_error *);

/* Watches dlopen, dlmopen and dlclose in all objects, present and future, so that
 * rules reach objects that come later and edits of closed objects are forgotten.
 * May be called again. -GRAFT_ESTATIC in a static program. Since 0.1. */
GRAFT_API int graft_watch(struct graft_error *);

#ifdef __cplusplus
}
#endif
#endif
