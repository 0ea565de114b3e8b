/* SPDX-License-Identifier: MIT */
/* Input and output whose numbers are known: every function that io counts, and its
 * twins, on files of the current directory. Invariant: what is written here in
 * comments is what hooks_io.sh expects; a call that does not do what it should ends
 * the program with its line. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(x) do { if (!(x)) { dprintf(2, "line %d: %s\n", __LINE__, #x); exit(9); } } while (0)

int __open_2(const char *, int), __open64_2(const char *, int);
int __openat_2(int, const char *, int), __openat64_2(int, const char *, int);
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t), __pread64_chk(int, void *, size_t, off64_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);

static char bytes[1000];

/* opened: 12 opens, the first makes it with mode 0640 */
static void opening(void)
{
    struct stat status;
    umask(0);
    int fd = open("opened", O_CREAT | O_RDWR, 0640);
    MUST(fd >= 0 && !fstat(fd, &status) && (status.st_mode & 0777) == 0640 && !close(fd));
    int here = open(".", O_RDONLY | O_DIRECTORY);
    int fds[] = { open64("opened", O_RDWR), openat(AT_FDCWD, "opened", O_RDWR), openat64(here, "./opened", O_RDWR),
                  creat("opened", 0600), creat64("opened", 0600), __open_2("opened", O_RDWR), __open64_2("opened", O_RDWR),
                  __openat_2(here, "opened", O_RDWR), __openat64_2(here, "opened", O_RDWR) };
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        MUST(fds[i] >= 0 && !close(fds[i]));
    fd = openat(here, ".", O_TMPFILE | O_RDWR, 0604);   /* (unnamed): 1 open, 1 write of 3 */
    MUST(fd >= 0 && !fstat(fd, &status) && (status.st_mode & 0777) == 0604 && write(fd, "tmp", 3) == 3 && !close(fd));
    FILE *stream = fopen("opened", "r");
    MUST(stream && !fclose(stream));
    stream = fopen64("opened", "r");
    MUST(stream && !fclose(stream));
    DIR *directory = opendir(".");              /* ".": 2 opens */
    MUST(directory && !closedir(directory) && !close(here));
}

/* missing: 3 ENOENT; opened/x: 1 ENOTDIR; what the kernel never sees as a path: nothing */
static void failing(void)
{
    MUST(open("missing", O_RDONLY) < 0 && errno == ENOENT);
    MUST(!fopen("missing", "r") && errno == ENOENT);
    MUST(!opendir("missing") && errno == ENOENT);
    MUST(open("opened/x", O_RDONLY) < 0 && errno == ENOTDIR);
    MUST(open((char *)8, O_RDONLY) < 0 && errno == EFAULT);
    MUST(!fopen("missing", "x") && errno == EINVAL);
    MUST(read(-1, bytes, 1) < 0 && errno == EBADF && read(999, bytes, 1) < 0 && errno == EBADF);
}

/* data: 1 open; 9 writes of 100 each but the vectors (2 parts, 30): 5 of 100, 4 of 30;
 * reads: 6 of 50, 5 of 20, 1 of 0 */
static void moving(void)
{
    struct iovec parts[] = { { bytes, 10 }, { bytes + 10, 20 } }, less[] = { { bytes, 5 }, { bytes + 10, 15 } };
    int fd = open("data", O_CREAT | O_TRUNC | O_RDWR, 0600);
    MUST(write(fd, bytes, 100) == 100 && pwrite(fd, bytes, 100, 0) == 100 && pwrite64(fd, bytes, 100, 100) == 100);
    MUST(write(fd, bytes, 100) == 100 && write(fd, bytes, 100) == 100);
    MUST(writev(fd, parts, 2) == 30 && pwritev(fd, parts, 2, 0) == 30);
    MUST(pwritev64(fd, parts, 2, 0) == 30 && pwritev2(fd, parts, 2, 0, 0) == 30);
    lseek(fd, 0, SEEK_SET);
    MUST(read(fd, bytes, 50) == 50 && __read_chk(fd, bytes, 50, 1000) == 50 && pread(fd, bytes, 50, 0) == 50);
    MUST(pread64(fd, bytes, 50, 0) == 50 && __pread_chk(fd, bytes, 50, 0, 1000) == 50 && __pread64_chk(fd, bytes, 50, 0, 1000) == 50);
    MUST(readv(fd, less, 2) == 20 && preadv(fd, less, 2, 0) == 20 && preadv64(fd, less, 2, 0) == 20);
    MUST(preadv2(fd, less, 2, 0, 0) == 20 && preadv64v2(fd, less, 2, 0, 0) == 20);
    lseek(fd, 0, SEEK_END);
    MUST(read(fd, bytes, 50) == 0 && !close(fd));
}

/* from: 1 open, 1 write of 900, reads 300 + 200 + 100 + 8; to: 1 open, writes 300 + 200;
 * pipe: writes 100, reads 100 + 8 (splice into it, from it); mapped once, 900 bytes */
static void copying(void)
{
    int from = open("from", O_CREAT | O_TRUNC | O_RDWR, 0600), to = open("to", O_CREAT | O_TRUNC | O_RDWR, 0600), ends[2];
    off_t at = 0;
    off64_t at64 = 0;
    MUST(write(from, bytes, 900) == 900 && !pipe(ends));
    MUST(sendfile(to, from, &at, 300) == 300 && copy_file_range(from, &at64, to, NULL, 200, 0) == 200);
    MUST(splice(from, &at64, ends[1], NULL, 100, 0) == 100 && read(ends[0], bytes, 100) == 100);
    void *map = mmap(NULL, 900, PROT_READ, MAP_PRIVATE, from, 0);
    MUST(map != MAP_FAILED && mmap(NULL, 900, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    close(from), close(to), close(ends[0]), close(ends[1]);
}

/* copied: 1 open, 6 writes of 1 by six descriptors */
static void duplicating(void)
{
    int fd = open("copied", O_CREAT | O_TRUNC | O_RDWR, 0600);
    int fds[] = { fd, dup(fd), dup2(fd, 100), dup3(fd, 101, O_CLOEXEC), fcntl(fd, F_DUPFD, 102), fcntl(fd, F_DUPFD_CLOEXEC, 103) };
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        MUST(write(fds[i], "x", 1) == 1);
    MUST(fcntl(fd, F_GETFL) >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    MUST(!close_range(100, 103, 0) && !close(fd));
    int other = open("after", O_CREAT | O_TRUNC | O_RDWR, 0600);    /* after: 1 open, 1 write of 7, by a number used before */
    MUST(dup2(other, 100) == 100 && write(100, bytes, 7) == 7 && !close(100) && !close(other));
}

/* stream: 1 open, stdio out 4 * 10 + 5 + 1 + 8 + 6 = 60, in 20 + 6 + 1 = 27 */
static void streaming(void)
{
    char line[100];
    FILE *stream = fopen("stream", "w+");
    MUST(stream && fwrite(bytes, 4, 10, stream) == 10 && fputs("12345", stream) >= 0 && fputc('\n', stream) == '\n');
    MUST(fprintf(stream, "%s %03d", "abcd", 7) == 8 && (fwrite_unlocked)("123456", 1, 6, stream) == 6);
    rewind(stream);
    MUST(fread(bytes, 1, 20, stream) == 20 && fseek(stream, 40, SEEK_SET) == 0);
    MUST(fgets(line, sizeof line, stream) == line && !strcmp(line, "12345\n") && fgetc(stream) == 'a' && !fclose(stream));
}

static struct sockaddr_in local(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    MUST(!getsockname(fd, (struct sockaddr *)&address, &length));
    return address;
}

static int bound(int type)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, type, 0);
    MUST(fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

/* Prints the ports of the server and of both clients. server: 2 connected, 11 + 5 + 4 sent
 * in 3, 9 received; first client: accepted, 9 sent, 11 + 5 received in 2; second: 4 received */
static void connecting(void)
{
    int server = bound(SOCK_STREAM), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = local(server);
    struct sockaddr_storage who;
    socklen_t length = sizeof who;
    MUST(!listen(server, 5) && !connect(client, (struct sockaddr *)&address, sizeof address));
    int side = accept(server, NULL, NULL);
    MUST(side >= 0 && send(client, bytes, 11, 0) == 11 && recv(side, bytes, 100, 0) == 11);
    MUST(write(client, bytes, 5) == 5 && __recv_chk(side, bytes, 100, 1000, 0) == 5);
    struct iovec part = { bytes, 9 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    MUST(sendmsg(side, &message, 0) == 9 && recvmsg(client, &message, 0) == 9);
    int client2 = socket(AF_INET, SOCK_STREAM, 0);
    MUST(!connect(client2, (struct sockaddr *)&address, sizeof address));
    int side2 = accept4(server, (struct sockaddr *)&who, &length, SOCK_CLOEXEC);
    MUST(side2 >= 0 && length == sizeof address && sendto(client2, bytes, 4, 0, NULL, 0) == 4);
    MUST(recvfrom(side2, bytes, 100, 0, NULL, NULL) == 4);
    printf("tcp %d %d %d\n", ntohs(address.sin_port), ntohs(local(client).sin_port), ntohs(local(client2).sin_port));
    close(side), close(client), close(side2), close(client2), close(server);
    struct sockaddr_in nobody = { .sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    client = socket(AF_INET, SOCK_STREAM, 0);
    MUST(connect(client, (struct sockaddr *)&nobody, sizeof nobody) < 0 && errno == ECONNREFUSED && !close(client));
}

/* udp A B: A is sent 6 + 7 + 8 by B, which is never connected; B is received from 3 times */
static void posting(void)
{
    int a = bound(SOCK_DGRAM), b = bound(SOCK_DGRAM);
    struct sockaddr_in to = local(a), from;
    socklen_t length = sizeof from;
    struct iovec parts[] = { { bytes, 7 }, { bytes, 8 } };
    struct mmsghdr messages[2] = { { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[0], .msg_iovlen = 1 } },
                                   { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &parts[1], .msg_iovlen = 1 } } };
    MUST(sendto(b, bytes, 6, 0, (struct sockaddr *)&to, sizeof to) == 6 && sendmmsg(b, messages, 2, 0) == 2);
    MUST(recvfrom(a, bytes, 100, 0, (struct sockaddr *)&from, &length) == 6 && from.sin_port == local(b).sin_port);
    MUST(__recvfrom_chk(a, bytes, 100, 1000, 0, (struct sockaddr *)&from, &length) == 7);
    struct sockaddr_in again;
    parts[0].iov_len = 100;
    messages[0].msg_hdr.msg_name = &again;
    MUST(recvmmsg(a, messages, 1, 0, NULL) == 1 && messages[0].msg_len == 8 && again.sin_port == local(b).sin_port);
    printf("udp %d %d\n", ntohs(local(a).sin_port), ntohs(local(b).sin_port));
    close(a), close(b);
}

/* unix:socket: connected 1, accepted 1, 3 bytes sent and received; socketpair: 2 of 2 */
static void local_sockets(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0), ends[2];
    unlink("socket");
    MUST(!bind(server, (struct sockaddr *)&address, sizeof address) && !listen(server, 1));
    MUST(!connect(client, (struct sockaddr *)&address, sizeof address));
    int side = accept(server, NULL, NULL);
    MUST(side >= 0 && write(client, "abc", 3) == 3 && read(side, bytes, 10) == 3);
    MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends) && write(ends[0], "ab", 2) == 2 && read(ends[1], bytes, 10) == 2);
    close(server), close(client), close(side), close(ends[0]), close(ends[1]);
}

static void *reader(void *path)
{
    for (int i = 0; i < 500; i++) {
        int fd = open(path, O_RDONLY);
        MUST(fd >= 0 && read(fd, &(char){ 0 }, 1) == 1 && !close(fd));
    }
    return NULL;
}

/* Four threads, each with a file of its own: thread.N: 501 opens, 1 write and 500 reads of 1 */
static void threads(void)
{
    static char paths[4][16];
    pthread_t all[4];
    for (int i = 0; i < 4; i++) {
        snprintf(paths[i], sizeof paths[i], "thread.%d", i);
        int fd = open(paths[i], O_CREAT | O_TRUNC | O_WRONLY, 0600);
        MUST(write(fd, "x", 1) == 1 && !close(fd));
        MUST(!pthread_create(&all[i], NULL, reader, paths[i]));
    }
    for (int i = 0; i < 4; i++)
        pthread_join(all[i], NULL);
}

/* kept: the parent writes 10, the child 20, by the same descriptor; each reports its own.
 * vfork's child closes it for itself alone. */
static void forking(void)
{
    int fd = open("kept", O_CREAT | O_TRUNC | O_WRONLY, 0600), status;
    pid_t child = fork();
    if (!child) {
        MUST(write(fd, bytes, 20) == 20);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child && !status);
    child = vfork();
    if (!child) {
        close(fd);
        _exit(0);
    }
    MUST(waitpid(child, &status, 0) == child && !status && write(fd, bytes, 10) == 10 && !close(fd));
}

int main(void)
{
    opening();
    failing();
    moving();
    copying();
    duplicating();
    streaming();
    connecting();
    posting();
    local_sockets();
    threads();
    forking();
    return 0;
}
