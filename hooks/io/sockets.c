/* SPDX-License-Identifier: MIT */
/* Sockets, by the other side. Invariant: bytes count for the address that the call
 * itself tells; else for the one that the socket is connected to; else for the socket.
 * Addresses that the kernel wrote are read no further than it wrote. */
#include "calls.h"

#include <errno.h>
#include <string.h>

#include "moved.h"
#include "names.h"

#define NEXT(name) __typeof__(name) *next_##name;
IO_SOCKETS(NEXT)

static struct account *peer(const struct sockaddr *address, socklen_t length)
{
    char name[NAME_ROOM];
    name_address(address, length, name);
    return *name ? ledger_account(ACCOUNT_PEER, name) : NULL;
}

static struct account *peer_or_socket(int fd, const struct sockaddr *address, socklen_t length)
{
    struct account *account = address ? peer(address, length) : NULL;
    return account ? account : ledger_of(fd);
}

int our_socket(int domain, int type, int protocol)
{
    int fd = next_socket(domain, type, protocol);
    if (fd >= 0)
        ledger_set(fd, NULL);
    return fd;
}

int our_socketpair(int domain, int type, int protocol, int ends[2])
{
    return files_paired("socketpair", "socketpair", ends, next_socketpair(domain, type, protocol, ends));
}

/* What it is called when it has no peer changes. */
int our_bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    int result = next_bind(fd, address, length);
    if (!result)
        ledger_set(fd, NULL);
    return result;
}

/* A connection under way counts: whether it comes about is told elsewhere. */
int our_connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    int result = next_connect(fd, address, length), saved = errno;
    bool under_way = result < 0 && errno == EINPROGRESS;
    if ((result < 0 && errno == EFAULT) || ledger_is_foreign())
        return result;
    struct account *account = peer(address.__sockaddr__, length);
    if (result < 0 && !under_way)
        ledger_fail(account, errno);
    else if (account)
        ledger_add(&account->counts.connected, 1);
    if (!result || under_way)
        ledger_set(fd, account);
    errno = saved;
    tell_call("connect", account, result);
    return result;
}

static int accepted(const char *call, int fd, const struct sockaddr *from, socklen_t length)
{
    char name[NAME_ROOM];
    int saved = errno;
    if (fd < 0 || ledger_is_foreign())
        return fd;
    name_accepted(fd, from, length, name);
    struct account *account = ledger_account(ACCOUNT_PEER, name);
    if (account)
        ledger_add(&account->counts.accepted, 1);
    ledger_set(fd, account);
    errno = saved;
    tell_call(call, account, fd);
    return fd;
}

/* Who does not ask for the address gets none; we do, because the peer may be gone by
 * the time it could be asked for. A short buffer is the program's wish: then our own
 * socket is asked. */
#define ACCEPT(name, parameters, arguments) \
    int our_##name parameters \
    { \
        struct sockaddr_storage own; \
        socklen_t own_length = sizeof own, room = address.__sockaddr__ && length ? *length : 0; \
        bool asked = address.__sockaddr__; \
        if (!asked) { \
            address.__sockaddr__ = (struct sockaddr *)&own; \
            length = &own_length; \
        } \
        int fd = next_##name arguments; \
        socklen_t wrote = fd < 0 ? 0 : *length; \
        if (asked && wrote > room) \
            wrote = 0; \
        return accepted(#name, fd, address.__sockaddr__, wrote); \
    }
ACCEPT(accept, (int socket, __SOCKADDR_ARG address, socklen_t *restrict length), (socket, address, length))
ACCEPT(accept4, (int socket, __SOCKADDR_ARG address, socklen_t *restrict length, int flags), (socket, address, length, flags))

/* ---- sending ------------------------------------------------------------------------ */

ssize_t our_send(int fd, const void *bytes, size_t size, int flags)
{
    return moved_out("send", fd, next_send(fd, bytes, size, flags));
}

static ssize_t moved_with(const char *call, int fd, bool out, const void *address, socklen_t length, ssize_t size)
{
    int saved = errno;
    if (size >= 0 || tell_settings.log)
        moved_by(call, peer_or_socket(fd, size < 0 ? NULL : address, length), out, size);
    errno = saved;
    return size;
}

ssize_t our_sendto(int fd, const void *bytes, size_t size, int flags, __CONST_SOCKADDR_ARG to, socklen_t length)
{
    return moved_with("sendto", fd, true, to.__sockaddr__, length, next_sendto(fd, bytes, size, flags, to, length));
}

ssize_t our_sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t size = next_sendmsg(fd, message, flags);
    return size < 0 ? moved_out("sendmsg", fd, size)
                    : moved_with("sendmsg", fd, true, message->msg_name, message->msg_namelen, size);
}

int our_sendmmsg(int fd, struct mmsghdr *messages, unsigned many, int flags)
{
    int sent = next_sendmmsg(fd, messages, many, flags);
    for (int i = 0; i < sent; i++)
        moved_with("sendmmsg", fd, true, messages[i].msg_hdr.msg_name, messages[i].msg_hdr.msg_namelen, messages[i].msg_len);
    return sent;
}

/* ---- receiving ----------------------------------------------------------------------- */

ssize_t our_recv(int fd, void *bytes, size_t size, int flags)
{
    return moved_in("recv", fd, next_recv(fd, bytes, size, flags));
}

ssize_t our___recv_chk(int fd, void *bytes, size_t size, size_t room, int flags)
{
    return moved_in("__recv_chk", fd, next___recv_chk(fd, bytes, size, room, flags));
}

#define RECVFROM(name, parameters, arguments) \
    ssize_t our_##name parameters \
    { \
        socklen_t space = from.__sockaddr__ && length ? *length : 0; \
        ssize_t size = next_##name arguments; \
        if (size < 0 || !from.__sockaddr__ || *length > space) \
            return moved_in(#name, fd, size); \
        return moved_with(#name, fd, false, from.__sockaddr__, *length, size); \
    }
RECVFROM(recvfrom, (int fd, void *restrict bytes, size_t most, int flags, __SOCKADDR_ARG from, socklen_t *restrict length),
         (fd, bytes, most, flags, from, length))
RECVFROM(__recvfrom_chk, (int fd, void *restrict bytes, size_t most, size_t room, int flags, __SOCKADDR_ARG from, socklen_t *restrict length),
         (fd, bytes, most, room, flags, from, length))

/* Descriptors that arrive were opened by another process. */
static void forget_arrived(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= part->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + at, sizeof fd);
            ledger_set(fd, NULL);
        }
    }
}

static void received(const char *call, int fd, struct msghdr *message, socklen_t room, ssize_t size)
{
    bool fits = message->msg_name && message->msg_namelen <= room;
    if (message->msg_control && message->msg_controllen)
        forget_arrived(message);
    moved_with(call, fd, false, fits ? message->msg_name : NULL, message->msg_namelen, size);
}

ssize_t our_recvmsg(int fd, struct msghdr *message, int flags)
{
    socklen_t room = message ? message->msg_namelen : 0;
    ssize_t size = next_recvmsg(fd, message, flags);
    if (size < 0)
        return moved_in("recvmsg", fd, size);
    received("recvmsg", fd, message, room, size);
    return size;
}

int our_recvmmsg(int fd, struct mmsghdr *messages, unsigned many, int flags, struct timespec *timeout)
{
    int got = next_recvmmsg(fd, messages, many, flags, timeout);
    for (int i = 0; i < got; i++)
        received("recvmmsg", fd, &messages[i].msg_hdr, sizeof(struct sockaddr_storage), messages[i].msg_len);
    return got;
}
