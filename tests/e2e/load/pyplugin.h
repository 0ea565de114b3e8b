/* SPDX-License-Identifier: MIT */
#ifndef LOAD_PYPLUGIN_H
#define LOAD_PYPLUGIN_H

/* Declares what a host calls, which no header of ours does. */
#define HOST_CALLS __attribute__((visibility("default"))) extern

const char *plugin_says(void);          /* runs the program, the first time */
void plugin_print(void);                /* "said: ", on standard output */

#endif
