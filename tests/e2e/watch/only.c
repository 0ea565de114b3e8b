/* SPDX-License-Identifier: MIT */
/* libonly.so: found by the RUNPATH of whoever asks for it. */

const char *only(void);
const char *only(void) { return "only"; }
