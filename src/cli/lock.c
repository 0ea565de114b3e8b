/* SPDX-License-Identifier: MIT */
/* Lock files. Invariant: what is written is made by the function that checks it. */

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/lock.h"
#include "file/mapping.h"
#include "lift/sha256.h"

static json_t *digest(const char *path)
{
    struct mapping mapping;
    uint8_t bytes[32];
    char text[65];
    if (mapping_open(&mapping, path, NULL))
        return NULL;
    sha256(mapping.bytes, mapping.size, bytes);
    mapping_close(&mapping);
    text_hex(text, bytes, sizeof bytes);
    return json_pack("{s:s, s:s}", "file", path, "sha256", text);
}

static void add(json_t *list, const char *path)
{
    json_t *entry = digest(path);
    if (entry)
        json_array_append_new(list, entry);
}

static json_t *describe(const struct link_job *job)
{
    json_t *modules = json_array(), *files = json_array(), *command = json_array();
    for (size_t i = 0; i < job->module_count; i++)
        add(modules, job->modules[i].path);
    add(files, job->registry);
    for (size_t i = 0; job->command[i]; i++) {
        struct stat status;
        json_array_append_new(command, json_string(job->command[i]));
        bool is_output = i && !strcmp(job->command[i - 1], "-o");
        if (i && !is_output && !stat(job->command[i], &status) && S_ISREG(status.st_mode))
            add(files, job->command[i]);
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "graft", GRAFT_VERSION, "command", command, "modules", modules, "files", files);
}

int lock_write(const char *path, const struct link_job *job, const char *output, struct graft_error *error)
{
    json_t *lock = describe(job);
    json_t *result = digest(output);
    if (result)
        json_object_set_new(lock, "output", result);
    int failed = json_dump_file(lock, path, JSON_INDENT(2));
    json_decref(lock);
    return failed ? error_about(error, GRAFT_ESYS, path, "", "%s: cannot be written", path) : 0;
}

static int compare(const char *path, const json_t *was, const json_t *is, struct graft_error *error)
{
    size_t i;
    json_t *entry;
    if (json_array_size(was) != json_array_size(is))
        return error_about(error, GRAFT_EBUILDID, path, "", "%s: %zu files went in then, %zu now", path,
                           json_array_size(was), json_array_size(is));
    json_array_foreach((json_t *)is, i, entry)
        if (!json_equal(entry, json_array_get(was, i)))
            return error_about(error, GRAFT_EBUILDID, path, "", "%s: %s is another file than the one that was locked", path,
                               json_string_value(json_object_get(entry, "file")));
    return 0;
}

/* A lock file without it is damaged: it was written with the output. */
static int read_digest(const char *path, const json_t *lock, uint8_t output[32], struct graft_error *error)
{
    const char *hex = json_string_value(json_object_get(json_object_get(lock, "output"), "sha256"));
    if (!hex || !text_unhex(output, hex, 32))
        return error_about(error, GRAFT_EFORMAT, path, "", "%s: no digest of the output", path);
    return 0;
}

int lock_check(const char *path, const struct link_job *job, uint8_t output[32], struct graft_error *error)
{
    json_error_t where;
    json_t *was = json_load_file(path, 0, &where), *is = NULL;
    if (!was)
        return error_about(error, GRAFT_EFORMAT, path, "", "%s:%d: %s", path, where.line, where.text);
    is = describe(job);
    int result = compare(path, json_object_get(was, "modules"), json_object_get(is, "modules"), error);
    if (!result)
        result = compare(path, json_object_get(was, "files"), json_object_get(is, "files"), error);
    if (!result && !json_equal(json_object_get(was, "command"), json_object_get(is, "command")))
        result = error_about(error, GRAFT_EBUILDID, path, "", "%s: the command is another one", path);
    if (!result)
        result = read_digest(path, was, output, error);
    json_decref(was);
    json_decref(is);
    return result;
}
