/* SPDX-License-Identifier: MIT */
#ifndef FAULT_CALLS_H
#define FAULT_CALLS_H

/* The table of functions that can fail: what each looks like, and how it says so. A
 * parameter called path, fd or size is what rules filter by and cut; @call is the name
 * in rules.h that covers the function. Pointers that are only passed on are void *. */

/* X(type, failure, call, path, fd, size, name, parameters, arguments) */
#define PLAIN(X) \
    X(int, -1, open, path, NO_FD, NULL, creat, (const char *path, mode_t mode), (path, mode)) \
    X(int, -1, open, path, NO_FD, NULL, creat64, (const char *path, mode_t mode), (path, mode)) \
    X(int, -1, open, path, NO_FD, NULL, __open_2, (const char *path, int flags), (path, flags)) \
    X(int, -1, open, path, NO_FD, NULL, __open64_2, (const char *path, int flags), (path, flags)) \
    X(int, -1, open, path, NO_FD, NULL, __openat_2, (int at, const char *path, int flags), (at, path, flags)) \
    X(int, -1, open, path, NO_FD, NULL, __openat64_2, (int at, const char *path, int flags), (at, path, flags)) \
    X(FILE *, NULL, fopen, path, NO_FD, NULL, fopen, (const char *path, const char *mode), (path, mode)) \
    X(FILE *, NULL, fopen, path, NO_FD, NULL, fopen64, (const char *path, const char *mode), (path, mode)) \
    X(DIR *, NULL, opendir, path, NO_FD, NULL, opendir, (const char *path), (path)) \
    X(DIR *, NULL, opendir, NULL, fd, NULL, fdopendir, (int fd), (fd)) \
    X(int, -1, mkstemp, path, NO_FD, NULL, mkstemp, (char *path), (path)) \
    X(int, -1, mkstemp, path, NO_FD, NULL, mkstemp64, (char *path), (path)) \
    X(int, -1, mkstemp, path, NO_FD, NULL, mkostemp, (char *path, int flags), (path, flags)) \
    X(int, -1, mkstemp, path, NO_FD, NULL, mkostemp64, (char *path, int flags), (path, flags)) \
    X(char *, NULL, mkstemp, path, NO_FD, NULL, mkdtemp, (char *path), (path)) \
    X(FILE *, NULL, mkstemp, NULL, NO_FD, NULL, tmpfile, (void), ()) \
    X(FILE *, NULL, mkstemp, NULL, NO_FD, NULL, tmpfile64, (void), ()) \
    X(int, -1, stat, path, NO_FD, NULL, stat, (const char *path, void *status), (path, status)) \
    X(int, -1, stat, path, NO_FD, NULL, stat64, (const char *path, void *status), (path, status)) \
    X(int, -1, stat, path, NO_FD, NULL, lstat, (const char *path, void *status), (path, status)) \
    X(int, -1, stat, path, NO_FD, NULL, lstat64, (const char *path, void *status), (path, status)) \
    X(int, -1, stat, NULL, fd, NULL, fstat, (int fd, void *status), (fd, status)) \
    X(int, -1, stat, NULL, fd, NULL, fstat64, (int fd, void *status), (fd, status)) \
    X(int, -1, stat, path, NO_FD, NULL, fstatat, (int at, const char *path, void *status, int flags), (at, path, status, flags)) \
    X(int, -1, stat, path, NO_FD, NULL, fstatat64, (int at, const char *path, void *status, int flags), (at, path, status, flags)) \
    X(int, -1, stat, path, NO_FD, NULL, statx, (int at, const char *path, int flags, unsigned mask, void *status), (at, path, flags, mask, status)) \
    X(int, -1, stat, path, NO_FD, NULL, __xstat, (int version, const char *path, void *status), (version, path, status)) \
    X(int, -1, stat, path, NO_FD, NULL, __xstat64, (int version, const char *path, void *status), (version, path, status)) \
    X(int, -1, stat, path, NO_FD, NULL, __lxstat, (int version, const char *path, void *status), (version, path, status)) \
    X(int, -1, stat, path, NO_FD, NULL, __lxstat64, (int version, const char *path, void *status), (version, path, status)) \
    X(int, -1, stat, NULL, fd, NULL, __fxstat, (int version, int fd, void *status), (version, fd, status)) \
    X(int, -1, stat, NULL, fd, NULL, __fxstat64, (int version, int fd, void *status), (version, fd, status)) \
    X(int, -1, stat, path, NO_FD, NULL, __fxstatat, (int version, int at, const char *path, void *status, int flags), (version, at, path, status, flags)) \
    X(int, -1, stat, path, NO_FD, NULL, __fxstatat64, (int version, int at, const char *path, void *status, int flags), (version, at, path, status, flags)) \
    X(int, -1, access, path, NO_FD, NULL, access, (const char *path, int mode), (path, mode)) \
    X(int, -1, access, path, NO_FD, NULL, euidaccess, (const char *path, int mode), (path, mode)) \
    X(int, -1, access, path, NO_FD, NULL, eaccess, (const char *path, int mode), (path, mode)) \
    X(int, -1, access, path, NO_FD, NULL, faccessat, (int at, const char *path, int mode, int flags), (at, path, mode, flags)) \
    X(ssize_t, -1, readlink, path, NO_FD, NULL, readlink, (const char *path, char *text, size_t room), (path, text, room)) \
    X(ssize_t, -1, readlink, path, NO_FD, NULL, readlinkat, (int at, const char *path, char *text, size_t room), (at, path, text, room)) \
    X(ssize_t, -1, readlink, path, NO_FD, NULL, __readlink_chk, (const char *path, char *text, size_t room, size_t has), (path, text, room, has)) \
    X(ssize_t, -1, readlink, path, NO_FD, NULL, __readlinkat_chk, (int at, const char *path, char *text, size_t room, size_t has), (at, path, text, room, has)) \
    X(int, -1, rename, path, NO_FD, NULL, rename, (const char *path, const char *to), (path, to)) \
    X(int, -1, rename, path, NO_FD, NULL, renameat, (int at, const char *path, int to_at, const char *to), (at, path, to_at, to)) \
    X(int, -1, rename, path, NO_FD, NULL, renameat2, (int at, const char *path, int to_at, const char *to, unsigned flags), (at, path, to_at, to, flags)) \
    X(int, -1, unlink, path, NO_FD, NULL, unlink, (const char *path), (path)) \
    X(int, -1, unlink, path, NO_FD, NULL, unlinkat, (int at, const char *path, int flags), (at, path, flags)) \
    X(int, -1, unlink, path, NO_FD, NULL, remove, (const char *path), (path)) \
    X(int, -1, link, path, NO_FD, NULL, link, (const char *path, const char *to), (path, to)) \
    X(int, -1, link, path, NO_FD, NULL, linkat, (int at, const char *path, int to_at, const char *to, int flags), (at, path, to_at, to, flags)) \
    X(int, -1, link, path, NO_FD, NULL, symlink, (const char *target, const char *path), (target, path)) \
    X(int, -1, link, path, NO_FD, NULL, symlinkat, (const char *target, int at, const char *path), (target, at, path)) \
    X(int, -1, mkdir, path, NO_FD, NULL, mkdir, (const char *path, mode_t mode), (path, mode)) \
    X(int, -1, mkdir, path, NO_FD, NULL, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode)) \
    X(int, -1, rmdir, path, NO_FD, NULL, rmdir, (const char *path), (path)) \
    X(int, -1, chmod, path, NO_FD, NULL, chmod, (const char *path, mode_t mode), (path, mode)) \
    X(int, -1, chmod, path, NO_FD, NULL, fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags)) \
    X(int, -1, chmod, NULL, fd, NULL, fchmod, (int fd, mode_t mode), (fd, mode)) \
    X(int, -1, chdir, path, NO_FD, NULL, chdir, (const char *path), (path)) \
    X(int, -1, chdir, NULL, fd, NULL, fchdir, (int fd), (fd)) \
    X(int, -1, truncate, path, NO_FD, NULL, truncate, (const char *path, off_t length), (path, length)) \
    X(int, -1, truncate, path, NO_FD, NULL, truncate64, (const char *path, off64_t length), (path, length)) \
    X(int, -1, truncate, NULL, fd, NULL, ftruncate, (int fd, off_t length), (fd, length)) \
    X(int, -1, truncate, NULL, fd, NULL, ftruncate64, (int fd, off64_t length), (fd, length)) \
    X(int, -1, truncate, NULL, fd, NULL, fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length)) \
    X(int, -1, truncate, NULL, fd, NULL, fallocate64, (int fd, int mode, off64_t at, off64_t length), (fd, mode, at, length)) \
    X(int, -1, dup, NULL, fd, NULL, dup, (int fd), (fd)) \
    X(int, -1, dup, NULL, fd, NULL, dup2, (int fd, int to), (fd, to)) \
    X(int, -1, dup, NULL, fd, NULL, dup3, (int fd, int to, int flags), (fd, to, flags)) \
    X(int, -1, pipe, NULL, NO_FD, NULL, pipe, (int ends[2]), (ends)) \
    X(int, -1, pipe, NULL, NO_FD, NULL, pipe2, (int ends[2], int flags), (ends, flags)) \
    X(int, -1, flock, NULL, fd, NULL, flock, (int fd, int operation), (fd, operation)) \
    X(off_t, -1, lseek, NULL, fd, NULL, lseek, (int fd, off_t offset, int whence), (fd, offset, whence)) \
    X(off64_t, -1, lseek, NULL, fd, NULL, lseek64, (int fd, off64_t offset, int whence), (fd, offset, whence)) \
    X(int, -1, fsync, NULL, fd, NULL, fsync, (int fd), (fd)) \
    X(int, -1, fsync, NULL, fd, NULL, fdatasync, (int fd), (fd)) \
    X(int, -1, fsync, NULL, fd, NULL, syncfs, (int fd), (fd)) \
    X(ssize_t, -1, read, NULL, fd, &size, read, (int fd, void *bytes, size_t size), (fd, bytes, size)) \
    X(ssize_t, -1, read, NULL, fd, &size, __read_chk, (int fd, void *bytes, size_t size, size_t room), (fd, bytes, size, room)) \
    X(ssize_t, -1, pread, NULL, fd, &size, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at)) \
    X(ssize_t, -1, pread, NULL, fd, &size, pread64, (int fd, void *bytes, size_t size, off64_t at), (fd, bytes, size, at)) \
    X(ssize_t, -1, pread, NULL, fd, &size, __pread_chk, (int fd, void *bytes, size_t size, off_t at, size_t room), (fd, bytes, size, at, room)) \
    X(ssize_t, -1, pread, NULL, fd, &size, __pread64_chk, (int fd, void *bytes, size_t size, off64_t at, size_t room), (fd, bytes, size, at, room)) \
    X(ssize_t, -1, write, NULL, fd, &size, write, (int fd, const void *bytes, size_t size), (fd, bytes, size)) \
    X(ssize_t, -1, pwrite, NULL, fd, &size, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at)) \
    X(ssize_t, -1, pwrite, NULL, fd, &size, pwrite64, (int fd, const void *bytes, size_t size, off64_t at), (fd, bytes, size, at)) \
    X(ssize_t, -1, copy, NULL, fd, &size, sendfile, (int to, int fd, off_t *at, size_t size), (to, fd, at, size)) \
    X(ssize_t, -1, copy, NULL, fd, &size, sendfile64, (int to, int fd, off64_t *at, size_t size), (to, fd, at, size)) \
    X(ssize_t, -1, copy, NULL, fd, &size, copy_file_range, (int fd, off64_t *at, int to, off64_t *to_at, size_t size, unsigned flags), (fd, at, to, to_at, size, flags)) \
    X(ssize_t, -1, copy, NULL, fd, &size, splice, (int fd, off64_t *at, int to, off64_t *to_at, size_t size, unsigned flags), (fd, at, to, to_at, size, flags)) \
    X(ssize_t, -1, recv, NULL, fd, &size, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags)) \
    X(ssize_t, -1, recv, NULL, fd, &size, __recv_chk, (int fd, void *bytes, size_t size, size_t room, int flags), (fd, bytes, size, room, flags)) \
    X(ssize_t, -1, recv, NULL, fd, &size, recvfrom, (int fd, void *bytes, size_t size, int flags, void *from, socklen_t *length), (fd, bytes, size, flags, from, length)) \
    X(ssize_t, -1, recv, NULL, fd, &size, __recvfrom_chk, (int fd, void *bytes, size_t size, size_t room, int flags, void *from, socklen_t *length), (fd, bytes, size, room, flags, from, length)) \
    X(int, -1, recv, NULL, fd, NULL, recvmmsg, (int fd, void *messages, unsigned many, int flags, void *timeout), (fd, messages, many, flags, timeout)) \
    X(ssize_t, -1, send, NULL, fd, &size, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags)) \
    X(ssize_t, -1, send, NULL, fd, &size, sendto, (int fd, const void *bytes, size_t size, int flags, const void *to, socklen_t length), (fd, bytes, size, flags, to, length)) \
    X(int, -1, send, NULL, fd, NULL, sendmmsg, (int fd, void *messages, unsigned many, int flags), (fd, messages, many, flags)) \
    X(int, -1, socket, NULL, NO_FD, NULL, socket, (int domain, int type, int protocol), (domain, type, protocol)) \
    X(int, -1, socket, NULL, NO_FD, NULL, socketpair, (int domain, int type, int protocol, int ends[2]), (domain, type, protocol, ends)) \
    X(int, -1, connect, NULL, fd, NULL, connect, (int fd, const void *to, socklen_t length), (fd, to, length)) \
    X(int, -1, bind, NULL, fd, NULL, bind, (int fd, const void *to, socklen_t length), (fd, to, length)) \
    X(int, -1, listen, NULL, fd, NULL, listen, (int fd, int backlog), (fd, backlog)) \
    X(int, -1, accept, NULL, fd, NULL, accept, (int fd, void *from, socklen_t *length), (fd, from, length)) \
    X(int, -1, accept, NULL, fd, NULL, accept4, (int fd, void *from, socklen_t *length, int flags), (fd, from, length, flags)) \
    X(int, -1, poll, NULL, NO_FD, NULL, poll, (struct pollfd *fds, nfds_t many, int timeout), (fds, many, timeout)) \
    X(int, -1, poll, NULL, NO_FD, NULL, ppoll, (struct pollfd *fds, nfds_t many, const struct timespec *timeout, const sigset_t *mask), (fds, many, timeout, mask)) \
    X(int, -1, poll, NULL, NO_FD, NULL, __poll_chk, (struct pollfd *fds, nfds_t many, int timeout, size_t room), (fds, many, timeout, room)) \
    X(int, -1, poll, NULL, NO_FD, NULL, select, (int many, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout), (many, in, out, except, timeout)) \
    X(int, -1, poll, NULL, NO_FD, NULL, pselect, (int many, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout, const sigset_t *mask), (many, in, out, except, timeout, mask)) \
    X(int, -1, poll, NULL, fd, NULL, epoll_wait, (int fd, struct epoll_event *events, int many, int timeout), (fd, events, many, timeout)) \
    X(int, -1, poll, NULL, fd, NULL, epoll_pwait, (int fd, struct epoll_event *events, int many, int timeout, const sigset_t *mask), (fd, events, many, timeout, mask)) \
    X(void *, NULL, malloc, NULL, NO_FD, NULL, malloc, (size_t size), (size)) \
    X(void *, NULL, calloc, NULL, NO_FD, NULL, calloc, (size_t many, size_t size), (many, size)) \
    X(void *, NULL, realloc, NULL, NO_FD, NULL, realloc, (void *block, size_t size), (block, size)) \
    X(void *, NULL, memalign, NULL, NO_FD, NULL, memalign, (size_t align, size_t size), (align, size)) \
    X(void *, NULL, memalign, NULL, NO_FD, NULL, aligned_alloc, (size_t align, size_t size), (align, size)) \
    X(void *, NULL, memalign, NULL, NO_FD, NULL, valloc, (size_t size), (size)) \
    X(void *, MAP_FAILED, mmap, NULL, fd, NULL, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset), (at, size, protection, flags, fd, offset)) \
    X(void *, MAP_FAILED, mmap, NULL, fd, NULL, mmap64, (void *at, size_t size, int protection, int flags, int fd, off64_t offset), (at, size, protection, flags, fd, offset)) \
    X(pid_t, -1, fork, NULL, NO_FD, NULL, fork, (void), ()) \
    X(int, -1, exec, path, NO_FD, NULL, execve, (const char *path, char *const argv[], char *const envp[]), (path, argv, envp)) \
    X(int, -1, exec, path, NO_FD, NULL, execv, (const char *path, char *const argv[]), (path, argv)) \
    X(int, -1, exec, path, NO_FD, NULL, execvp, (const char *path, char *const argv[]), (path, argv)) \
    X(int, -1, exec, path, NO_FD, NULL, execvpe, (const char *path, char *const argv[], char *const envp[]), (path, argv, envp)) \
    X(ssize_t, -1, getrandom, NULL, NO_FD, &size, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags)) \
    X(int, -1, getrandom, NULL, NO_FD, NULL, getentropy, (void *bytes, size_t size), (bytes, size))

/* X(call, name, parameters, arguments): these return the error, and leave errno alone. */
#define RETURNING(X) \
    X(memalign, posix_memalign, (void **block, size_t align, size_t size), (block, align, size)) \
    X(pthread_create, pthread_create, (pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *argument), (thread, attributes, run, argument)) \
    X(fork, posix_spawn, (pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]), (child, path, actions, attributes, argv, envp)) \
    X(fork, posix_spawnp, (pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]), (child, path, actions, attributes, argv, envp)) \
    X(truncate, posix_fallocate, (int fd, off_t at, off_t length), (fd, at, length)) \
    X(truncate, posix_fallocate64, (int fd, off64_t at, off64_t length), (fd, at, length))

/* X(name, parameters, arguments): the mode is there only if a file may be made. */
#define OPENING(X) \
    X(open, (const char *path, int flags, ...), (path, flags, mode)) \
    X(open64, (const char *path, int flags, ...), (path, flags, mode)) \
    X(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode)) \
    X(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))

/* X(call, name, parameters, arguments): several buffers, cut to the first bytes. */
#define VECTORED(X) \
    X(read, readv, (int fd, const struct iovec *parts, int many), (fd, parts, many)) \
    X(write, writev, (int fd, const struct iovec *parts, int many), (fd, parts, many)) \
    X(pread, preadv, (int fd, const struct iovec *parts, int many, off_t at), (fd, parts, many, at)) \
    X(pread, preadv64, (int fd, const struct iovec *parts, int many, off64_t at), (fd, parts, many, at)) \
    X(pread, preadv2, (int fd, const struct iovec *parts, int many, off_t at, int flags), (fd, parts, many, at, flags)) \
    X(pread, preadv64v2, (int fd, const struct iovec *parts, int many, off64_t at, int flags), (fd, parts, many, at, flags)) \
    X(pwrite, pwritev, (int fd, const struct iovec *parts, int many, off_t at), (fd, parts, many, at)) \
    X(pwrite, pwritev64, (int fd, const struct iovec *parts, int many, off64_t at), (fd, parts, many, at)) \
    X(pwrite, pwritev2, (int fd, const struct iovec *parts, int many, off_t at, int flags), (fd, parts, many, at, flags)) \
    X(pwrite, pwritev64v2, (int fd, const struct iovec *parts, int many, off64_t at, int flags), (fd, parts, many, at, flags))

#endif
