/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_VARIANT_REPORT_H
#define GRAFT_CLI_VARIANT_REPORT_H

#include <limits.h>
#include <sys/stat.h>

#include "symfile/variant.h"
#include "symfile/variant_write.h"

/* One run of graft variant. */
struct variant_job {
    const char *input, *output, *onto, *library_path;
    const char *drop[VARIANT_LIBRARIES_MAX];
    size_t drops;
    bool json, no_check, any_version;

    struct world world;
    size_t loader;                  /* in the world */
    unsigned char *bytes;           /* of the input, malloc'd */
    size_t size;
    mode_t mode;
    struct variant variant;
    struct variant_bytes made;
    char temporary[PATH_MAX];       /* "": not there */
    bool checked;
    char unchecked[700];            /* why */
};

enum { VARIANT_NAMES_TEXT = 400 };

/* The first of the names, comma separated, and how many more there are. */
const char *variant_names_text(const struct variant_names *, char text[VARIANT_NAMES_TEXT]);

/* Prints what was done, as text or as JSON. */
void variant_report(const struct variant_job *);

#endif
