/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_FILE_HWCAPS_H
#define GRAFT_FILE_HWCAPS_H

/* The subfolders glibc-hwcaps/x86-64-vN that glibc since 2.33 looks into first. Other
 * machines that graft knows have none. */

enum { HWCAPS_LEVEL_MAX = 4 };

/* The level of this CPU, 1 to 4 (x86-64 psABI, "Micro-Architecture Levels"); 0 on
 * another machine. */
unsigned hwcaps_level(void);

/* The level that a subfolder's name "x86-64-vN" stands for, 2 to 4; 0: no such name. */
unsigned hwcaps_level_of(const char *name);

/* The subfolder of a level, with a slash at both ends: "/glibc-hwcaps/x86-64-v2/"; "/" of
 * any other number. */
const char *hwcaps_folder(unsigned level);

#endif
