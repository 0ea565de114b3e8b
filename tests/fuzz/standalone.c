/* SPDX-License-Identifier: MIT */
/* Runs a fuzz target once over each file named, or over each file of a folder
 * named: the regression test over the corpus, with any compiler. */

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input of the corpus takes microseconds; this is for a loaded machine with
 * valgrind. */
enum { SECONDS_MAX = 5 };

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t size = 0, room = 1 << 20;
    uint8_t *bytes = malloc(room);
    if (bytes)
        size = fread(bytes, 1, room, file);
    fclose(file);
    time_t start = time(NULL);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    if (time(NULL) - start < SECONDS_MAX)
        return 0;
    fprintf(stderr, "%s: too slow\n", path);
    return 1;
}

int main(int argc, char **argv)
{
    int failures = 0, files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        struct dirent *entry;
        if (!folder) {
            failures += run_file(argv[i]);
            files++;
            continue;
        }
        while ((entry = readdir(folder))) {
            char path[PATH_MAX];
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (entry->d_name[0] == '.')
                continue;
            failures += run_file(path);
            files++;
        }
        closedir(folder);
    }
    printf("%d inputs, %d failures\n", files, failures);
    return failures || !files;
}
