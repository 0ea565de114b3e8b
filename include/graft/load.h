/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_LOAD_H
#define GRAFT_LOAD_H

/* Loads a consumer without its duplicate: the way is chosen before dlopen, when the
 * duplicate's constructors have not run yet.
 *
 *   graft_plan_load ──▶ the decision, as a value            (nothing is changed)
 *   graft_load      ──▶ the same decision, carried out
 *
 * All functions may be called by any thread. */

#include <stddef.h>
#include <stdint.h>
#include <graft/graft.h>
#include <graft/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a consumer is loaded: X(name, word, text). */
#define GRAFT_WAYS(X) \
    X(NONE,     "none",     "as it is: everything binds to the host, or there is no host for it") \
    X(PROMOTE,  "promote",  "the host's library becomes visible to all, then the consumer is loaded") \
    X(PROVIDER, "provider", "a small stand-in with the host's addresses takes the duplicate's place") \
    X(REBIND,   "rebind",   "the duplicate is loaded too; slots lead to the host before any constructor runs") \
    X(ISOLATE,  "isolate",  "the library keeps its own runtime, untouched by the host's, before any constructor runs") \
    X(REFUSE,   "refuse",   "it cannot be bound to the host: not loaded")

enum graft_way {
#define GRAFT_X(name, word, text) GRAFT_WAY_##name,
    GRAFT_WAYS(GRAFT_X)
#undef GRAFT_X
};

/* For graft_load.ways. */
#define GRAFT_WAY_BIT(way) (1u << (way))

/* Text of a way; static storage, never NULL. Since 0.1. */
GRAFT_API const char *graft_way_name(enum graft_way);
GRAFT_API const char *graft_way_text(enum graft_way);

enum {
    GRAFT_OWN_RUNTIME = 1 << 8      /* the inverse wish: keep the library's runtime its own */
};

/* What is wished. NULL where a function takes one: everything found. Since 0.1. */
struct graft_load {
    size_t size;                    /* sizeof(struct graft_load), for growth */
    unsigned ways;                  /* GRAFT_WAY_BITs that are allowed; 0: all. One bit forces it */
    unsigned flags;                 /* GRAFT_PARTIAL, GRAFT_ANY_VERSION, GRAFT_OWN_RUNTIME */
    const char *from, *onto;        /* globs: the duplicate, the host; NULL: found; onto "main": the executable */
    const char *table;              /* text of graft-table(5): addresses of what the host hides; NULL: none */
};

/* What becomes of one object that the consumer needs, directly or not, the consumer
 * first: X(name, word, text). */
#define GRAFT_FATES(X) \
    X(COMES,     "comes",     "will be loaded") \
    X(LOADED,    "loaded",    "is loaded already") \
    X(HOST,      "host",      "is the host itself") \
    X(DUPLICATE, "duplicate", "a second copy of the host's runtime") \
    X(BESIDE,    "beside",    "a library that the host holds too, and the duplicate needs") \
    X(ABSENT,    "absent",    "is not found") \
    X(UNREADABLE, "unreadable", "is found, but is no library for this process")

enum graft_fate {
#define GRAFT_X(name, word, text) GRAFT_FATE_##name,
    GRAFT_FATES(GRAFT_X)
#undef GRAFT_X
};

/* One object of the consumer's closure. Strings live as long as the plan. Since 0.1. */
struct graft_load_object {
    size_t size;                    /* sizeof, for growth */
    const char *name;               /* as it is needed; the consumer: as it was given */
    const char *path;               /* NULL: not found */
    const char *needed_by;          /* path; NULL: the consumer itself */
    enum graft_fate fate;
    const char *runtime, *version;  /* which runtime it holds, NULL: none, not known */
    const char *host, *host_version; /* of a duplicate: the object that holds the host's code */
    unsigned opened;                /* whether this way maps it (or leaves it mapped) */
};

/* Where one reference ends up: X(name, word, text). */
#define GRAFT_BINDINGS(X) \
    X(BOUND,       "bound",       "to the host, or to where it belongs") \
    X(MISSING,     "missing",     "nobody defines it") \
    X(WRONG_COPY,  "wrong-copy",  "another copy than the host's would serve it") \
    X(NOT_CURABLE, "not-curable", "cannot be bound to the host")

enum graft_binding {
#define GRAFT_X(name, word, text) GRAFT_BINDING_##name,
    GRAFT_BINDINGS(GRAFT_X)
#undef GRAFT_X
};

/* Where an address comes from, in the order of trust: X(name, word, text). */
#define GRAFT_SOURCES(X) \
    X(NONE,    "none",    "none") \
    X(HOST,    "host",    "what the host itself bound") \
    X(DYNSYM,  "dynsym",  "the host's dynamic symbols") \
    X(SYMTAB,  "symtab",  "the symbol table of the host's file") \
    X(DEBUG,   "debug",   "a separate debug file with the host's build-id") \
    X(TABLE,   "table",   "the table that was given")

enum graft_source {
#define GRAFT_X(name, word, text) GRAFT_SOURCE_##name,
    GRAFT_SOURCES(GRAFT_X)
#undef GRAFT_X
};

/* One name that the closure takes from the runtime, or that nobody would define.
 * Strings live as long as the plan. Since 0.1. */
struct graft_load_symbol {
    size_t size;                    /* sizeof, for growth */
    const char *object;             /* path of what refers to it */
    const char *name, *version;     /* version: NULL for none */
    enum graft_binding binding;
    enum graft_source source;       /* of the address */
    uintptr_t address;              /* in the host; 0: none, or not known (a host that does not run) */
    const char *without;            /* where it would bind without graft; NULL: nowhere, or not known */
    const char *reason;             /* for what is not bound, else NULL */
};

/* The words of the lists above; static storage, never NULL. Since 0.1. */
GRAFT_API const char *graft_fate_name(enum graft_fate);
GRAFT_API const char *graft_fate_text(enum graft_fate);
GRAFT_API const char *graft_binding_name(enum graft_binding);
GRAFT_API const char *graft_source_name(enum graft_source);

struct graft_load_plan;

/* Decides how @path (as for dlopen) would be loaded by the calling code with
 * @dlopen_flags, and changes nothing. The plan with its reason is returned with 0 also
 * where it refuses. -GRAFT_ENOOBJ (no such file), -GRAFT_EFORMAT, -GRAFT_EARCH,
 * -GRAFT_ESYNTAX (the table), -GRAFT_EBUILDID (it is of another build), -GRAFT_EAMBIG,
 * -GRAFT_ESTATIC, -GRAFT_EINVAL, -GRAFT_ENOMEM. The caller frees *plan. Since 0.1. */
GRAFT_API int graft_plan_load(struct graft_load_plan **plan, const char *path, int dlopen_flags,
                              const struct graft_load *, struct graft_error *);

/* The decision and its reason, a sentence that lives as long as the plan. Since 0.1. */
GRAFT_API enum graft_way graft_load_plan_way(const struct graft_load_plan *);
GRAFT_API const char *graft_load_plan_reason(const struct graft_load_plan *);

/* Objects and symbols of the plan, NULL past the end. Since 0.1. */
GRAFT_API const struct graft_load_object *graft_load_plan_object(const struct graft_load_plan *, size_t i);
GRAFT_API const struct graft_load_symbol *graft_load_plan_symbol(const struct graft_load_plan *, size_t i);

/* Frees the plan; NULL is allowed. Since 0.1. */
GRAFT_API void graft_load_plan_free(struct graft_load_plan *);

/* As dlopen(@path, @dlopen_flags) of the calling code, without a second copy of a
 * runtime that is here already. *handle is dlopen's, for dlsym and dlclose. On failure
 * everything is as before, but for a host's library that was promoted, which ld.so
 * cannot take back; dlerror's text is in @error. A consumer that itself calls dlopen or
 * dlsym is watched from then on: asking for its runtime by name gives it the host.
 * As graft_plan_load, and -GRAFT_EREFUSED (the reason, and what is missing by name),
 * -GRAFT_EPROT, -GRAFT_ESYS. Since 0.1. */
GRAFT_API int graft_load(const char *path, int dlopen_flags, const struct graft_load *, void **handle,
                         struct graft_error *);

/* From now on every dlopen in this process of an object that matches @globs (comma
 * separated; path or basename) goes through graft_load with these wishes. A refusal
 * makes dlopen fail, and dlerror tells the reason. Adds up. Since 0.1. */
GRAFT_API int graft_load_watch(const char *globs, const struct graft_load *, struct graft_error *);

#ifdef __cplusplus
}
#endif
#endif
