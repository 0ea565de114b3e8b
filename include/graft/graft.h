/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_GRAFT_H
#define GRAFT_GRAFT_H

/* graft: make a loaded library use the interpreter that already runs.
 *
 * This header holds what every other one needs: error codes, the version and
 * the log. Including it also brings the in-process headers. Every function
 * returns 0 or a negative code of the table below unless its comment says
 * otherwise. */

#ifdef __cplusplus
extern "C" {
#endif

#define GRAFT_VERSION "0.1.0"

#if defined(__GNUC__)
#define GRAFT_API __attribute__((visibility("default")))
#else
#define GRAFT_API
#endif

/* The one table of errors: X(name, number, message). */
#define GRAFT_ERRORS(X) \
    X(EINVAL,  1,  "invalid argument") \
    X(ENOMEM,  2,  "out of memory") \
    X(EFORMAT, 3,  "not an ELF image that can be read") \
    X(EARCH,   4,  "the architecture is not supported for this operation") \
    X(ENOOBJ,  5,  "no loaded object matches") \
    X(ENODUP,  6,  "nothing to rebind: no duplicate of a host was found") \
    X(ENOHOST, 7,  "no host was found in the process") \
    X(EAMBIG,  8,  "more than one candidate: say which one is meant") \
    X(EREFUSED,9,  "the plan has slots that cannot be edited") \
    X(ESTALE,  10, "the process changed since the plan was made") \
    X(EPROT,   11, "a page's protection could not be changed") \
    X(ESTATE,  12, "the plan is not in the state that this call needs") \
    X(EGONE,   13, "the object or the process is gone") \
    X(EPERM,   14, "permission denied") \
    X(ETRACED, 15, "another tracer holds the process") \
    X(EBUILDID,16, "the build-id does not match") \
    X(ESTOPPED,17, "the process is stopped") \
    X(ESTATIC, 18, "a static executable has nothing to rebind") \
    X(ESYS,    19, "a system call failed") \
    X(ESYNTAX, 20, "a rule could not be understood") \
    X(EBUSY,   21, "no quiet moment was found in time") \
    X(ENOFUNC, 22, "no loaded object exports this function") \
    X(ETYPE,   23, "the symbol is not a function") \
    X(EOTHER,  24, "another version of graft is at work in this process")

enum {
#define GRAFT_X(name, number, message) GRAFT_##name = number,
    GRAFT_ERRORS(GRAFT_X)
#undef GRAFT_X
};

/* Detail of a failure. The caller owns it, and may pass NULL wherever one is
 * taken. @code is the negative code that was returned; @object and @symbol name
 * what it is about, or are empty; @text says what happened and what to do.
 * Since 0.1. */
struct graft_error {
    int code;
    char object[256];
    char symbol[256];
    char text[512];
};

/* Message for 0 or a negative code; never NULL, static storage. Any thread.
 * Since 0.1. */
GRAFT_API const char *graft_strerror(int code);

/* Version of the library that runs, as "MAJOR.MINOR.PATCH"; static storage.
 * Any thread. Since 0.1. */
GRAFT_API const char *graft_version(void);

enum graft_log_level { GRAFT_LOG_ERROR, GRAFT_LOG_INFO, GRAFT_LOG_DEBUG };

/* Receives one message without a newline. May be called from inside the
 * loader's lock: it must not call dlopen, dlsym, malloc or graft. */
typedef void graft_log_fn(void *arg, enum graft_log_level level, const char *message);

/* Sends messages up to @level to @fn; NULL silences graft, which is how it
 * starts. Not for use while other threads are inside graft. Since 0.1. */
GRAFT_API void graft_set_log(graft_log_fn *fn, void *arg, enum graft_log_level level);

#ifdef __cplusplus
}
#endif

#include <graft/hook.h>
#include <graft/load.h>
#include <graft/object.h>
#include <graft/plan.h>

#endif
