/* SPDX-License-Identifier: MIT */
/* Fuzz target over lifting: the input is a shared object, which is opened, lifted and
 * looked for records. What must hold beyond "no bad read": what is refused says why, and
 * an object is there exactly when lifting says so. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lift/contents.h"
#include "lift/lift.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lift_must(bool holds)
{
    if (!holds)
        abort();
}

static char folder[] = "/tmp/graft-fuzz-XXXXXX";

static void remove_folder(void)
{
    rmdir(folder);
}

static const char *output(void)
{
    static char path[64];
    if (!path[0]) {
        lift_must(mkdtemp(folder) != NULL);
        atexit(remove_folder);
        snprintf(path, sizeof path, "%s/out.o", folder);
    }
    return path;
}

static void lift(const char *path)
{
    struct lift_options options = { .lib = true };
    struct graft_error error = { 0 };
    struct lift_module module;
    if (lift_module_open(&module, path, &error)) {
        lift_must(error.code < 0 && error.text[0]);
        return;
    }
    int result = lift_write(&module, &options, output(), NULL, &error);
    lift_must(result ? error.code < 0 && error.text[0] && access(output(), F_OK) : !access(output(), R_OK));
    unlink(output());
    lift_module_close(&module);
}

static void list(const char *path)
{
    struct graft_error error = { 0 };
    struct contents contents;
    if (contents_open(&contents, path, &error)) {
        lift_must(error.code < 0 && error.text[0]);
        return;
    }
    for (size_t i = 0; i < contents.count; i++)
        lift_must(strlen(contents.modules[i].path) < contents.file.size
                  && strlen(contents.modules[i].needed) < contents.file.size);
    contents_close(&contents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int file = memfd_create("fuzz", MFD_CLOEXEC);
    lift_must(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    lift(path);
    list(path);
    close(file);
    return 0;
}
