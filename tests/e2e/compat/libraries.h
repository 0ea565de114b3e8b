/* SPDX-License-Identifier: MIT */
#ifndef COMPAT_LIBRARIES_H
#define COMPAT_LIBRARIES_H

/* The functions of the libraries that compat.sh builds, for programs in C and in C++. */
#ifdef __cplusplus
extern "C" {
#endif
int number(void);               /* libnumber.so; called by libone.so and libtwo.so: */
int ask_one(void);
int ask_two(void);
int ask_old(void);              /* call which@V1 and which@@V2 */
int ask_new(void);
int chosen(void);               /* an IFUNC, and who calls it */
int ask_chosen(void);
void spell(char *text);
#ifdef __cplusplus
}
#endif

typedef int number_type(void);

#endif
