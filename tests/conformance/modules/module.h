/* SPDX-License-Identifier: MIT */
#ifndef MODULE_H
#define MODULE_H

/* What a module has of the program: it is in no library that the module is linked to. */
#ifdef __cplusplus
extern "C" {
#endif
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *path_of(const char *module);
int main_value(void);
extern int main_data;
#ifdef __cplusplus
}
#endif

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#endif
