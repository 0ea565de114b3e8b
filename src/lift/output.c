/* SPDX-License-Identifier: MIT */
/* Files that are written beside and renamed. Invariant: under the final name there is
 * what was there before, or the whole new file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "lift/output.h"

static int failed(const struct output *output, struct graft_error *error)
{
    return error_about(error, GRAFT_ESYS, output->path, "", "%s: cannot be written: %s", output->path, strerror(errno));
}

int output_open(struct output *output, const char *path, struct graft_error *error)
{
    *output = (struct output){ .path = path, .file = -1 };
    int length = snprintf(output->beside, sizeof output->beside, "%s.%ld.part", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof output->beside)
        return error_about(error, GRAFT_EINVAL, path, "", "%s: the path is too long", path);
    output->file = open(output->beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return output->file < 0 ? failed(output, error) : 0;
}

int output_close(struct output *output, int result, struct graft_error *error)
{
    if (close(output->file) && !result)
        result = failed(output, error);
    if (!result && rename(output->beside, output->path))
        result = failed(output, error);
    if (result)
        unlink(output->beside);
    return result;
}
