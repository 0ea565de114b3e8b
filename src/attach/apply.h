/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_ATTACH_APPLY_H
#define GRAFT_ATTACH_APPLY_H

#include <graft/attach.h>

#include "attach/process.h"

/* As graft_target_apply and graft_target_undo. */
int attach_apply(const struct process *, const struct graft_plan *, const char *label,
                 struct graft_attach_result *, struct graft_error *);
int attach_undo(const struct process *, unsigned plan, struct graft_attach_result *, struct graft_error *);

#endif
