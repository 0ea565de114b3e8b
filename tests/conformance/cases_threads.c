/* SPDX-License-Identifier: MIT */
/* fork, and several threads at once; only totals are printed. */
#include "conformance.h"
#include <pthread.h>
#include <sys/wait.h>

void case_fork_inside(void)
{
    void *handle = open_module("libstate.so", RTLD_NOW);
    if (!handle)
        return;
    pid_t child = fork();
    if (child == 0) {
        call(handle, "state_change");
        call(handle, "state_print");
        void *other = open_module("liborder_d.so", RTLD_NOW);
        if (other)
            say_close(other);
        say_close(handle);
        _exit(is_loaded("libstate.so") ? 1 : 7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    say("  child: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    call(handle, "state_print");
    say("  loaded: %d\n", is_loaded("libstate.so"));
}

enum { THREADS = 4, ROUNDS = 200 };
struct totals { long opened, found, wrong; int number; };

static void *open_and_close(void *arg)
{
    static const char *const modules[] = { "libquiet_a.so", "libquiet_b.so", "libsysv.so", "libtls_general.so" };
    static const char *const names[] = { "quiet_a", "quiet_b", "sysv_a", "tls_bump" };
    struct totals *t = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int which = (i + t->number) % 4;
        void *handle = dlopen(path_of(modules[which]), i % 2 ? RTLD_NOW : RTLD_LAZY);
        t->opened += handle != NULL;
        int (*function)(void) = handle ? (int (*)(void))dlsym(handle, names[which]) : NULL;
        t->found += function && function() > 0;
        t->wrong += handle && dlclose(handle) != 0;
    }
    return NULL;
}

static void *look_up(void *arg)
{
    struct totals *t = arg;
    for (int i = 0; i < ROUNDS; i++) {
        void *(*address)(void) = (void *(*)(void))dlsym(RTLD_DEFAULT, "main_value");
        Dl_info info;
        t->found += address != NULL;
        t->opened += dladdr((void *)address, &info) && info.dli_sname && strcmp(info.dli_sname, "main_value") == 0;
        t->wrong += dlsym(RTLD_DEFAULT, "no_such") != NULL;
    }
    return NULL;
}

static void *fail_often(void *arg)
{
    struct totals *t = arg;
    char name[64], wanted[160];
    snprintf(name, sizeof name, "/no/where-%d.so", t->number);
    snprintf(wanted, sizeof wanted, "%s: cannot open shared object file: No such file or directory", name);
    for (int i = 0; i < ROUNDS; i++) {
        t->opened += dlopen(name, RTLD_NOW) != NULL;
        const char *text = dlerror();
        t->found += text && strcmp(text, wanted) == 0;
        t->wrong += dlerror() != NULL;
    }
    return NULL;
}

static void all_at_once(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    struct totals totals[THREADS] = { 0 }, sum = { 0 };
    for (int i = 0; i < THREADS; i++) {
        totals[i].number = i;
        pthread_create(&threads[i], NULL, body, &totals[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum.opened += totals[i].opened;
        sum.found += totals[i].found;
        sum.wrong += totals[i].wrong;
    }
    say("  %ld opened, %ld found, %ld wrong\n", sum.opened, sum.found, sum.wrong);
}

void case_threads_open_close(void)
{
    all_at_once(open_and_close);
    say("  left: %d %d %d\n", is_loaded("libquiet_a.so"), is_loaded("libquiet_b.so"), is_loaded("libsysv.so"));
}

void case_threads_symbols(void) { all_at_once(look_up); }
void case_threads_errors(void) { all_at_once(fail_often); }
