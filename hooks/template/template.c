/* SPDX-License-Identifier: MIT */
/* A hook library in twenty lines: tells which environment variables are read, and
 * what the answer was. Invariant: the program gets the same answer, and its errno. */

#include <errno.h>
#include <graft/hook.h>
#include <stdio.h>
#include <unistd.h>

static char *(*next_getenv)(const char *);

static char *my_getenv(const char *name)
{
    int saved = errno;
    char line[300], *value = next_getenv(name);
    int length = snprintf(line, sizeof line, "getenv(\"%.100s\"): %.100s\n", name, value ? value : "not set");
    (void)!write(STDERR_FILENO, line, (size_t)length);
    errno = saved;
    return value;
}

static const struct graft_hook hooks[] = {
    { .size = sizeof(struct graft_hook), .symbol = "getenv", .replacement = (void *)my_getenv,
      .original = (void **)&next_getenv },
};

const struct graft_hook_library graft_hook_library = {
    .size = sizeof graft_hook_library, .name = "template", .help = "tell which environment variables are read",
    .hooks = hooks, .count = sizeof hooks / sizeof *hooks,
};
