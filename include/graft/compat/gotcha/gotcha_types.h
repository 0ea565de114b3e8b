/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_COMPAT_GOTCHA_TYPES_H
#define GRAFT_COMPAT_GOTCHA_TYPES_H

#ifdef __cplusplus
extern "C" {
#endif

/* Stands for what a wrapper calls next: gotcha_get_wrappee tells the function. */
typedef void *gotcha_wrappee_handle_t;

/* One function to wrap. */
typedef struct gotcha_binding_t {
    const char *name;                           /* as exported */
    void *wrapper_pointer;
    gotcha_wrappee_handle_t *function_handle;   /* filled by gotcha_wrap; NULL: not wanted */
} gotcha_binding_t;

typedef enum gotcha_error_t {
    GOTCHA_SUCCESS = 0,
    GOTCHA_FUNCTION_NOT_FOUND,      /* a function is not loaded yet: it is wrapped once it is */
    GOTCHA_INTERNAL,
    GOTCHA_INVALID_TOOL
} gotcha_error_t;

#ifdef __cplusplus
}
#endif
#endif
