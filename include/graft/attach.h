/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_H
#define GRAFT_ATTACH_H

/* Another process, from outside: nothing is injected into it (libgraft-attach).
 *
 *   graft_target_open ─▶ graft_target_plan_rebind ─▶ graft_plan_edit … (nothing stopped)
 *                            └▶ graft_target_apply ─▶ graft_target_undo (stopped for microseconds)
 *
 * The caller must be allowed to ptrace the process: same user and dumpable, or
 * CAP_SYS_PTRACE. What is applied is remembered in a file of the calling user
 * ($XDG_RUNTIME_DIR/graft, else /run/user/UID/graft, else /tmp/graft-UID), so that
 * another run of the same user can undo it. A target is used by one thread at a
 * time. A failure leaves the process as it was; so does being killed at any
 * instant, but for slots that were written already, which graft_target_undo puts
 * back. */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <graft/graft.h>

#ifdef __cplusplus
extern "C" {
#endif

struct graft_target;

/* Opens process @pid. The caller closes *target; the process need not outlive
 * it. Writes nothing, stops nothing. -GRAFT_EGONE, -GRAFT_EPERM (the text says
 * why and what to do), -GRAFT_EARCH for a program of another machine or word
 * size, -GRAFT_ETRACED where that is why we may not, -GRAFT_EINVAL for ourselves
 * or a thread's number, -GRAFT_ENOMEM. Since 0.1. */
GRAFT_API int graft_target_open(struct graft_target **target, pid_t pid, struct graft_error *);

/* NULL is allowed. Since 0.1. */
GRAFT_API void graft_target_close(struct graft_target *);

/* Lists the objects of every namespace of the process, which is not stopped; the
 * caller frees *objects with graft_objects_free. -GRAFT_ESTATIC, -GRAFT_EGONE,
 * -GRAFT_EBUSY while the process is just starting, -GRAFT_ENOMEM. Since 0.1. */
GRAFT_API int graft_target_objects(struct graft_target *, struct graft_objects **objects, struct graft_error *);

/* As graft_plan_rebind and graft_plan_isolate, for the process, which is not
 * stopped. request->handle must be NULL. The plan is for graft_target_apply only;
 * the caller frees it with graft_target_plan_free. Errors of those and of
 * graft_target_objects. Since 0.1. */
GRAFT_API int graft_target_plan_rebind(struct graft_target *, struct graft_plan **plan,
                                       const struct graft_rebind *request, struct graft_error *);
GRAFT_API int graft_target_plan_isolate(struct graft_target *, struct graft_plan **plan, const char *objects,
                                        unsigned flags, struct graft_error *);
GRAFT_API void graft_target_plan_free(struct graft_plan *);

/* As graft_plan_load, for a dlopen that the main program of the process would make. The
 * process is not stopped. Which libraries it opened RTLD_GLOBAL is not known from outside:
 * what only they define counts as missing. The caller frees *plan with
 * graft_load_plan_free. Since 0.1. */
GRAFT_API int graft_target_plan_load(struct graft_target *, struct graft_load_plan **plan, const char *path,
                                     int dlopen_flags, const struct graft_load *, struct graft_error *);

/* What a change cost the process. */
struct graft_attach_result {
    size_t size;                    /* sizeof, set by the caller, for growth */
    unsigned plan;                  /* number of the plan, for graft_target_undo */
    unsigned stops;                 /* 0: there was nothing to write; more than 1: it kept changing */
    size_t threads;                 /* that were held */
    size_t slots;                   /* written */
    uint64_t stopped;               /* nanoseconds, from the first interrupt to the last release, all stops */
};

/* Stops the threads, checks that objects, build-ids and slots are still those of
 * the plan, writes every slot or none, and lets the threads go. Signals and
 * system calls of the process are not lost. @label says what it was for and is
 * remembered; NULL is allowed. Until it returns no other thread of the caller may
 * wait for children. -GRAFT_EREFUSED, -GRAFT_ESTALE, -GRAFT_EBUSY, -GRAFT_ESTOPPED,
 * -GRAFT_ETRACED, -GRAFT_EPERM, -GRAFT_EGONE, -GRAFT_EPROT, -GRAFT_ESYS where
 * nothing can be remembered. Since 0.1. */
GRAFT_API int graft_target_apply(struct graft_target *, const struct graft_plan *, const char *label,
                                 struct graft_attach_result *, struct graft_error *);

/* Puts back what plan @plan found, or all plans of this user with @plan 0. Slots
 * under a newer plan stay as they are, and that plan's undo restores them; slots
 * of unloaded objects are forgotten; slots that somebody else has written since
 * are left, and -GRAFT_ESTALE says so after the rest was put back. -GRAFT_ESTATE
 * where nothing is applied, -GRAFT_EFORMAT where the file is damaged, and those
 * of graft_target_apply. Since 0.1. */
GRAFT_API int graft_target_undo(struct graft_target *, unsigned plan, struct graft_attach_result *,
                                struct graft_error *);

/* One plan that is applied to the process. Strings live as long as the list. */
struct graft_attach_plan {
    size_t size;                    /* sizeof, for growth */
    unsigned plan;
    unsigned interrupted;           /* 1: the tool was killed while it applied this */
    int64_t time;                   /* seconds since 1970 */
    size_t slots;
    const char *label;
};

struct graft_attach_plans;          /* a list: opaque */

/* Lists what this user has applied to the process, oldest first; the caller frees
 * *plans. -GRAFT_EFORMAT, -GRAFT_ESYS, -GRAFT_EBUSY, -GRAFT_ENOMEM. Since 0.1. */
GRAFT_API int graft_target_plans(struct graft_target *, struct graft_attach_plans **plans, struct graft_error *);
GRAFT_API size_t graft_target_plans_count(const struct graft_attach_plans *);

/* The plan at @i, or NULL past the end. Since 0.1. */
GRAFT_API const struct graft_attach_plan *graft_target_plans_get(const struct graft_attach_plans *, size_t i);
GRAFT_API void graft_target_plans_free(struct graft_attach_plans *);

#ifdef __cplusplus
}
#endif
#endif
