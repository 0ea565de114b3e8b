/* SPDX-License-Identifier: MIT */
#ifndef GRAFT_BASE_ERROR_H
#define GRAFT_BASE_ERROR_H

#include <graft/graft.h>

/* Fills @error (NULL is fine) unless it holds an earlier failure, and returns
 * -@code, so that a caller can write: return error_set(e, GRAFT_EPROT, ...). */
int error_set(struct graft_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, and names the object and the symbol that it is about. */
int error_about(struct graft_error *error, int code, const char *object, const char *symbol,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Makes @error empty; NULL is fine. Every public function starts with it. */
void error_clear(struct graft_error *error);

/* As error_in, and puts the object before the text too, unless it starts with it: for what
 * was said deeper down, where the file's name is not known. */
int error_of(struct graft_error *error, int code, const char *object);

/* Names the object in an @error that has none yet; returns @code. */
int error_in(struct graft_error *error, int code, const char *object);

#endif
