/* SPDX-License-Identifier: MIT */
#ifndef IO_CALLS_H
#define IO_CALLS_H

/* Every function that is replaced, by the file that replaces it. X(name) names a
 * function of libc that its headers, or this one, declare. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What _FORTIFY_SOURCE makes of calls, and what headers no longer tell. */
int __open_2(const char *, int), __open64_2(const char *, int);
int __openat_2(int, const char *, int), __openat64_2(int, const char *, int);
int fcntl64(int, int, ...);
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t), __pread64_chk(int, void *, size_t, off64_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *__restrict, size_t, size_t, int, __SOCKADDR_ARG, socklen_t *__restrict);
size_t __fread_chk(void *__restrict, size_t, size_t, size_t, FILE *__restrict);
size_t __fread_unlocked_chk(void *__restrict, size_t, size_t, size_t, FILE *__restrict);
char *__fgets_chk(char *__restrict, size_t, int, FILE *__restrict);
char *__fgets_unlocked_chk(char *__restrict, size_t, int, FILE *__restrict);
ssize_t __getdelim(char **__restrict, size_t *__restrict, int, FILE *__restrict);
int _IO_getc(FILE *), _IO_putc(int, FILE *);
int __fprintf_chk(FILE *, int, const char *, ...), __vfprintf_chk(FILE *, int, const char *, va_list);
int __printf_chk(int, const char *, ...), __vprintf_chk(int, const char *, va_list);

#define IO_FILES(X) \
    X(open) X(open64) X(openat) X(openat64) X(creat) X(creat64) \
    X(__open_2) X(__open64_2) X(__openat_2) X(__openat64_2) \
    X(mkstemp) X(mkstemp64) X(mkostemp) X(mkostemp64) X(mkstemps) X(mkstemps64) X(mkostemps) X(mkostemps64) \
    X(shm_open) X(opendir) X(closedir) \
    X(close) X(close_range) X(closefrom) X(dup) X(dup2) X(dup3) X(fcntl) X(fcntl64) X(pipe) X(pipe2) \
    X(read) X(__read_chk) X(pread) X(pread64) X(__pread_chk) X(__pread64_chk) X(readv) \
    X(preadv) X(preadv64) X(preadv2) X(preadv64v2) \
    X(write) X(pwrite) X(pwrite64) X(writev) X(pwritev) X(pwritev64) X(pwritev2) X(pwritev64v2) \
    X(sendfile) X(sendfile64) X(copy_file_range) X(splice) X(mmap) X(mmap64)

#define IO_SOCKETS(X) \
    X(socket) X(socketpair) X(bind) X(connect) X(accept) X(accept4) \
    X(send) X(sendto) X(sendmsg) X(sendmmsg) \
    X(recv) X(__recv_chk) X(recvfrom) X(__recvfrom_chk) X(recvmsg) X(recvmmsg)

#define IO_STREAMS(X) \
    X(fopen) X(fopen64) X(freopen) X(freopen64) X(fclose) X(pclose) \
    X(fread) X(fread_unlocked) X(__fread_chk) X(__fread_unlocked_chk) X(fwrite) X(fwrite_unlocked) \
    X(fgets) X(fgets_unlocked) X(__fgets_chk) X(__fgets_unlocked_chk) X(getline) X(getdelim) X(__getdelim) \
    X(fgetc) X(getc) X(_IO_getc) X(fgetc_unlocked) X(getc_unlocked) X(getchar) X(getchar_unlocked) \
    X(fputs) X(fputs_unlocked) X(puts) X(fputc) X(putc) X(_IO_putc) X(fputc_unlocked) X(putc_unlocked) \
    X(putchar) X(putchar_unlocked) X(fprintf) X(vfprintf) X(printf) X(vprintf) \
    X(__fprintf_chk) X(__vfprintf_chk) X(__printf_chk) X(__vprintf_chk)

#define IO_DECLARE(name) \
    extern __typeof__(name) *next_##name; \
    __typeof__(name) our_##name;
IO_FILES(IO_DECLARE)
IO_SOCKETS(IO_DECLARE)
IO_STREAMS(IO_DECLARE)

#endif
