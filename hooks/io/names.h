/* SPDX-License-Identifier: MIT */
#ifndef IO_NAMES_H
#define IO_NAMES_H

#include <limits.h>
#include <stddef.h>
#include <sys/socket.h>

enum { NAME_ROOM = 2 * PATH_MAX };

/* All write into a buffer of NAME_ROOM, leave errno alone and use system calls only. */

/* The path as given, below the directory it is relative to; no symbolic link is
 * followed. */
void name_path(int at, const char *path, char *name);

/* 127.0.0.1:80, [::1]:80, unix:/path, unix:@abstract; "" where there is none. */
void name_address(const struct sockaddr *, socklen_t length, char *name);

/* The account_kind of what @fd is, and its name; 0: it is not open. */
int name_descriptor(int fd, char *name);

/* The other side of an accepted connection, known by @from if its client has a name,
 * or else by that of our own side. */
void name_accepted(int fd, const struct sockaddr *from, socklen_t length, char *name);

#endif
