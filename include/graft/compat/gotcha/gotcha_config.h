/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_COMPAT_GOTCHA_CONFIG_H
#define GRAFT_COMPAT_GOTCHA_CONFIG_H

/* The release of GOTCHA whose interface this is: major * 100000 + minor * 100 + patch. */
#define GOTCHA_VERSION 100008
#define GOTCHA_VERSION_MAJOR (GOTCHA_VERSION / 100000)
#define GOTCHA_VERSION_MINOR (GOTCHA_VERSION / 100 % 1000)
#define GOTCHA_VERSION_PATCH (GOTCHA_VERSION % 100)

#endif
