/* SPDX-License-Identifier: MIT */
/* A process to attach to. Options choose what it is busy with:
 *
 *   --consumer FILE  loads it, --host and --also FILE before it, all RTLD_LOCAL
 *   --threads N      call through all slots without a pause
 *   --hold-lazy      calls only when told to
 *   --blocked        threads inside system calls that a stop breaks off
 *   --churn          eight threads that make and join short-lived ones
 *   --reload FILE    loads and unloads it all the time
 *   --namespace FILE loads it with dlmopen
 *   --undumpable, --leader-exits */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared.h"

static struct shared *shared;
static uint32_t (*consumer_sum)(void);
static const char *reloaded;

static void on_signal(int signal)
{
    (void)signal;
    shared->signals++;
}

static void *call(void *arg)
{
    while (!shared->exit_now) {
        shared->sum = consumer_sum();
        shared->calls++;
    }
    return arg;
}

static void *call_when_told(void *arg)
{
    while (!shared->call_lazily)
        usleep(100);
    return call(arg);
}

static void count(int failed)
{
    if (failed && errno == EINTR)
        shared->interrupted++;
    else
        shared->blocked_calls++;
}

static void *in_epoll(void *arg)
{
    struct epoll_event event;
    int epoll = epoll_create1(0);
    while (!shared->exit_now)
        count(epoll_wait(epoll, &event, 1, 200) < 0);
    return arg;
}

static void *in_recv(void *arg)
{
    int pair[2];
    char byte;
    struct timeval limit = { 0, 200000 };
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (!shared->exit_now)
        count(recv(pair[0], &byte, 1, 0) < 0);
    return arg;
}

static void *in_sigtimedwait(void *arg)
{
    sigset_t set;
    struct timespec limit = { 0, 200000000 };
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    while (!shared->exit_now)
        count(sigtimedwait(&set, NULL, &limit) < 0);
    return arg;
}

static void *in_semtimedop(void *arg)
{
    int id = semget(IPC_PRIVATE, 1, 0600);
    struct sembuf take = { 0, -1, 0 };
    shared->semaphore = id + 1;
    struct timespec limit = { 0, 200000000 };
    while (!shared->exit_now)
        count(semtimedop(id, &take, 1, &limit) < 0);
    return arg;
}

static void *in_nanosleep(void *arg)
{
    struct timespec limit = { 0, 200000000 };
    while (!shared->exit_now)
        count(nanosleep(&limit, NULL) < 0);
    return arg;
}

static void *nothing(void *arg)
{
    shared->started++;
    return arg;
}

static void *churn(void *arg)
{
    while (!shared->exit_now) {
        pthread_t thread;
        if (!pthread_create(&thread, NULL, nothing, NULL))
            pthread_join(thread, NULL);
    }
    return arg;
}

static void *reload(void *arg)
{
    while (!shared->exit_now) {
        void *handle = dlopen(reloaded, RTLD_NOW | RTLD_LOCAL);
        if (handle)
            dlclose(handle);
        shared->started++;
    }
    return arg;
}

static void start(void *(*function)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, NULL))
        abort();
}

static void load(const char *host, const char *also, const char *consumer)
{
    if ((host && !dlopen(host, RTLD_NOW | RTLD_LOCAL)) || (also && !dlopen(also, RTLD_NOW | RTLD_LOCAL)))
        abort();
    void *handle = dlopen(consumer, RTLD_LAZY | RTLD_LOCAL);
    if (!handle || !(consumer_sum = (uint32_t (*)(void))dlsym(handle, "consumer_sum")))
        abort();
}

int main(int argc, char **argv)
{
    const char *host = NULL, *also = NULL, *consumer = NULL;
    int threads = 0, blocked = 0, churning = 0, hold = 0, leaves = 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_DESCRIPTOR, 0);
    if (shared == MAP_FAILED)
        abort();
    signal(SIGUSR1, on_signal);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--host")) host = argv[++i];
        else if (!strcmp(argv[i], "--also")) also = argv[++i];
        else if (!strcmp(argv[i], "--consumer")) consumer = argv[++i];
        else if (!strcmp(argv[i], "--threads")) threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--blocked")) blocked = 1;
        else if (!strcmp(argv[i], "--churn")) churning = 1;
        else if (!strcmp(argv[i], "--hold-lazy")) hold = 1;
        else if (!strcmp(argv[i], "--leader-exits")) leaves = 1;
        else if (!strcmp(argv[i], "--reload")) reloaded = argv[++i];
        else if (!strcmp(argv[i], "--namespace")) { if (!dlmopen(LM_ID_NEWLM, argv[++i], RTLD_NOW)) abort(); }
        else if (!strcmp(argv[i], "--undumpable")) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        else abort();
    }
    if (consumer)
        load(host, also, consumer);
    for (int i = 0; consumer && i < threads; i++)
        start(hold ? call_when_told : call);
    if (blocked) {
        start(in_epoll);
        start(in_recv);
        start(in_sigtimedwait);
        start(in_semtimedop);
        start(in_nanosleep);
    }
    for (int i = 0; churning && i < 8; i++)
        start(churn);
    if (reloaded)
        start(reload);
    shared->ready = 1;
    if (leaves)
        pthread_exit(NULL);
    while (!shared->exit_now)
        usleep(1000);
    _exit(0);
}
