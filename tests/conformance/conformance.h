/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

/* What the cases share. All that is printed goes through say, which puts DIR for the
 * folder of the program and PROGRAM for its name, so that nothing depends on a place. */

#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef __GLIBC__                       /* musl's headers lack what the registry has all the same */
#define RTLD_DEEPBIND 8
#define RTLD_DL_SYMENT 1
#define RTLD_DL_LINKMAP 2
#define LM_ID_BASE 0
typedef long Lmid_t;
enum { RTLD_DI_LMID = 1, RTLD_DI_ORIGIN = 6, RTLD_DI_TLS_MODID = 9, RTLD_DI_TLS_DATA = 10 };
int dladdr1(const void *address, Dl_info *info, void **extra, int flags);
void *dlvsym(void *handle, const char *name, const char *version);
#endif

#ifdef __cplusplus
extern "C" {
#endif

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *path_of(const char *module);            /* DIR/mods/MODULE, until the thread's next call */
const char *base_name(const char *path);
void say_error(void);                               /* dlerror's text, which is cleared by that */
void *open_module(const char *module, int mode);    /* says why if it cannot */
void *get(void *handle, const char *name);          /* dlsym; says why if it cannot */
void say_close(void *handle);                       /* dlclose, and what it returned */
int call(void *handle, const char *name);           /* int name(void); -1 if there is none */
bool is_loaded(const char *module);                 /* by RTLD_NOLOAD; the reference is given back */
void in_thread(void *(*body)(void *), void *arg);   /* runs it to its end */

/* Names of the program that modules refer to, or define as well. */
int main_value(void);
int shared_name(void);
extern int main_data;

#ifdef __cplusplus
}
#endif

#ifdef NO_CXX                           /* musl-gcc makes no C++ */
#define CXX_CASES(X)
#else
#define CXX_CASES(X) \
    X(cxx_exception) X(cxx_exception_from_module) X(cxx_uncaught_type) X(cxx_cast) X(cxx_unique) X(cxx_static_objects) \
    X(cxx_thread_local)
#endif

#define CASES(X) \
    X(order_diamond) X(order_chain) X(order_cycle) X(order_shared_dependency) X(order_exit) X(order_init_fini) \
    X(order_atexit) X(order_constructor_opens) X(order_constructor_closes) X(order_constructor_itself) \
    X(order_hundred) \
    X(open_count) X(open_fresh) X(open_modes) X(open_noload) X(open_nodelete) X(open_flag_nodelete) \
    X(open_local) X(open_global) X(open_promote) X(open_deepbind) X(open_null) X(open_names) \
    X(open_undefined_now) X(open_undefined_lazy) X(open_undefined_called) X(open_undefined_data) X(open_weak) \
    X(open_pseudo) X(open_dependency_stays) X(open_dependency_missing) \
    X(error_open) X(error_symbol) X(error_close) X(error_cleared) X(error_thread) X(error_info) \
    X(symbol_breadth_first) X(symbol_dependency) X(symbol_default) X(symbol_next) X(symbol_module_default) \
    X(symbol_module_next) X(symbol_version) X(symbol_unversioned) X(symbol_old_caller) X(symbol_ifunc) \
    X(symbol_visibility) X(symbol_sysv_hash) X(symbol_symbolic) X(symbol_null_value) X(symbol_interposed) \
    X(symbol_default_holds) \
    X(address_function) X(address_inside) X(address_static) X(address_data) X(address_main) X(address_none) \
    X(address_extra) \
    X(info_linkmap) X(info_origin) X(info_tls) \
    X(list_phdr) X(list_phdr_counts) X(list_phdr_stop) X(list_phdr_tls) X(list_link_map) \
    X(reloc_addend) X(reloc_function_table) X(reloc_relro) X(reloc_main_data) X(reloc_alignment) \
    X(reloc_big_bss) \
    X(tls_general) X(tls_local) X(tls_initial) X(tls_descriptor) X(tls_across) X(tls_dlsym) X(tls_fresh) \
    X(tls_alignment) X(tls_older_thread) \
    CXX_CASES(X) \
    X(fork_inside) \
    X(threads_open_close) X(threads_symbols) X(threads_errors)

#define DECLARE(name) void case_##name(void);
#ifdef __cplusplus
extern "C" {
#endif
CASES(DECLARE)
#ifdef __cplusplus
}
#endif

#endif
