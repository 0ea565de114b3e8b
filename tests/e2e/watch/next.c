/* SPDX-License-Identifier: MIT */
/* libnext.so: what RTLD_NEXT finds after libplug.so. */

const char *where(void);
const char *where(void) { return "next"; }
