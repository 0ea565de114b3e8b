/* SPDX-License-Identifier: MIT */
/* What a static python is linked from: Python's own config folder beside its library
 * (sysconfig's LIBPL). Invariant: nothing is guessed but the folder's name. */

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/link_python.h"

enum { ADDED = 8 };

char **link_python_command(char **command, bool python)
{
    static char start[4096], archive[4096];
    size_t n = 0;
    while (command[n])
        n++;
    char **copy = calloc(n + ADDED, sizeof *copy);
    if (!copy)
        return NULL;
    memcpy(copy, command, n * sizeof *copy);
    if (!python)
        return copy;
    glob_t found;
    bool is_there = !glob("/usr/lib/python3.*/config-3.*/python.o", 0, NULL, &found) && found.gl_pathc;
    if (is_there) {
        snprintf(start, sizeof start, "%s", found.gl_pathv[found.gl_pathc - 1]);
        const char *version = strstr(start, "/python3.") + 1;
        snprintf(archive, sizeof archive, "%.*slib%.*s.a", (int)(strrchr(start, '/') + 1 - start), start,
                 (int)strcspn(version, "/"), version);
    }
    globfree(&found);
    if (!is_there) {
        free(copy);
        return NULL;
    }
    char *words[] = { start, archive, (char *)"-lexpat", (char *)"-lz", (char *)"-lm" };
    memcpy(copy + n, words, sizeof words);
    return copy;
}
