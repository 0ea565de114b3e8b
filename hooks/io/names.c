/* SPDX-License-Identifier: MIT */
/* What files, peers and descriptors are called. Invariant: nothing here goes through a
 * slot that io hooks, or may be hooked by another library with a lock: the kernel is
 * asked directly, and errno is what it was. */
#include "names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "ledger.h"

static long link_of(int fd, char *name)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long length = syscall(SYS_readlinkat, AT_FDCWD, link, name, NAME_ROOM - 1);
    name[length > 0 ? length : 0] = '\0';
    return length;
}

static void directory(int at, char *name)
{
    if (at != AT_FDCWD) {
        struct account *account = ledger_of(at);
        const char *known = account ? atomic_load(&account->name) : NULL;
        snprintf(name, NAME_ROOM, "%s", known ? known : "?");
    } else if (syscall(SYS_getcwd, name, NAME_ROOM) <= 0) {
        strcpy(name, "?");
    }
}

/* One spelling for what means the same: no "//", no "/./", no slash at the end. ".."
 * stays: what it leads to depends on symbolic links. */
static void tidy(char *name)
{
    char *to = name;
    for (const char *from = name; *from; from++) {
        bool skips = from[0] == '/' && (from[1] == '/' || !from[1] ||
                                        (from[1] == '.' && (from[2] == '/' || !from[2])));
        if (!skips)
            *to++ = *from;
        else if (from[1] == '.')
            from++;
    }
    if (to == name)
        *to++ = '/';
    *to = '\0';
}

void name_path(int at, const char *path, char *name)
{
    int saved = errno;
    size_t length = 0;
    if (*path != '/') {
        directory(at, name);
        length = strlen(name);
        if (length > PATH_MAX)
            length = PATH_MAX;
        name[length++] = '/';
    }
    snprintf(name + length, NAME_ROOM - length, "%.*s", PATH_MAX - 2, path);
    tidy(name);
    errno = saved;
}

static void name_unix(const struct sockaddr_un *address, socklen_t length, char *name)
{
    int room = (int)length - (int)offsetof(struct sockaddr_un, sun_path);
    if (room <= 0)
        *name = '\0';
    else if (*address->sun_path)
        snprintf(name, NAME_ROOM, "unix:%.*s", room, address->sun_path);
    else
        snprintf(name, NAME_ROOM, "unix:@%.*s", room - 1, address->sun_path + 1);
}

void name_address(const struct sockaddr *address, socklen_t length, char *name)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    int saved = errno;
    *name = '\0';
    if (length < sizeof(sa_family_t))
        return;
    if (address->sa_family == AF_INET && length >= sizeof *four) {
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(name, NAME_ROOM, "%s:%d", host, ntohs(four->sin_port));
    } else if (address->sa_family == AF_INET6 && length >= offsetof(struct sockaddr_in6, sin6_scope_id)) {
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(name, NAME_ROOM, "[%s]:%d", host, ntohs(six->sin6_port));
    } else if (address->sa_family == AF_UNIX) {
        name_unix((const struct sockaddr_un *)address, length, name);
    } else if (address->sa_family != AF_UNSPEC) {
        snprintf(name, NAME_ROOM, "address family %d", address->sa_family);
    }
    errno = saved;
}

static int name_by(long call, int fd, char *name)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    *name = '\0';
    if (!syscall(call, fd, &address, &length))
        name_address((struct sockaddr *)&address, length, name);
    return *name;
}

/* A port of 0 is a socket that has sent nothing yet. */
static int name_socket(int fd, char *name)
{
    char own[NAME_ROOM];
    if (name_by(SYS_getpeername, fd, name))
        return ACCOUNT_PEER;
    name_by(SYS_getsockname, fd, own);
    size_t length = strlen(own);
    bool bound = length > 2 && strcmp(own + length - 2, ":0");
    snprintf(name, NAME_ROOM, bound ? "socket at %.*s" : "socket", NAME_ROOM - 16, own);
    return ACCOUNT_OTHER;
}

int name_descriptor(int fd, char *name)
{
    int saved = errno, kind = ACCOUNT_OTHER;
    if (link_of(fd, name) <= 0)
        kind = 0;
    else if (*name == '/')
        kind = ACCOUNT_FILE;
    else if (!strncmp(name, "socket:", 7))
        kind = name_socket(fd, name);
    else if (!strncmp(name, "pipe:", 5))
        strcpy(name, "pipe");
    errno = saved;
    return kind;
}

void name_accepted(int fd, const struct sockaddr *from, socklen_t length, char *name)
{
    int saved = errno;
    name_address(from, length, name);
    if (!*name && !name_by(SYS_getsockname, fd, name))
        strcpy(name, "?");
    errno = saved;
}
