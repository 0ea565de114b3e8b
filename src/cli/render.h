/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_RENDER_H
#define GRAFT_CLI_RENDER_H

/* The only place that knows tables, JSON and colour. */

#include <jansson.h>
#include <stdbool.h>

#include <graft/graft.h>

/* Prints a listing of objects, as a table or as JSON. */
void render_objects(const struct graft_objects *, const char *target, bool json);

/* Prints plans, given in the JSON form of plan_write_json: grouped by object, with
 * totals. @plans is an array of {"rule", "plan"} or {"rule", "error"}. */
void render_plans(json_t *plans, bool json);

/* Prints decisions on loads: an array of {"load", "decision"} or {"load", "error"}, in the
 * JSON form of load_plan_write_json, which it takes over. */
void render_decisions(json_t *decisions, bool json);
void render_decision(const json_t *entry);

/* A decision as a json_t of that form; the caller owns it. */
struct graft_load_plan;
json_t *render_decision_json(const struct graft_load_plan *);

/* Prints hook libraries: an array of {"name", "help", "arguments", "hooks", "path"},
 * which it takes over. */
void render_hook_libraries(json_t *libraries, bool json);

/* @text as a JSON string, whatever bytes are in it; NULL becomes null. */
json_t *render_text(const char *text);

/* Prints @value, which it takes over. */
void render_json(json_t *value);

/* A plan as a json_t of that form; the caller owns it. */
json_t *render_plan_json(const struct graft_plan *);

#endif
