/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_CLI_VARIANT_CHECK_H
#define GRAFT_CLI_VARIANT_CHECK_H

#include <stddef.h>

enum variant_opened {
    VARIANT_OPENS,
    VARIANT_OPENS_NOT,
    VARIANT_COMPANY_MISSING         /* what has to be there first could not be opened */
};

/* What is opened before it: libraries by path or name, the first @global of them for all
 * (RTLD_GLOBAL). */
struct variant_company {
    const char *library[64];
    size_t count, global;
};

/* Opens @file, by path and with RTLD_LAZY, in a child process after its @company (NULL: none).
 * A child that crashes, ends or hangs did not open it. @why says what happened, else it is
 * empty. */
enum variant_opened variant_check_open(const char *file, const struct variant_company *company,
                                       char *why, size_t size);

#endif
