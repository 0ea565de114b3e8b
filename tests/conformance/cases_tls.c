/* SPDX-License-Identifier: MIT */
/* Thread-local variables of modules, by every model, in two threads. */
#include "conformance.h"
#include <pthread.h>

static void *bump_in_thread(void *handle)
{
    say("  thread: %d", call(handle, "tls_bump"));
    say(" %d\n", call(handle, "tls_bump"));
    return NULL;
}

static void two_threads(const char *module)
{
    void *handle = open_module(module, RTLD_NOW);
    if (!handle)
        return;
    say("  main: %d", call(handle, "tls_bump"));
    say(" %d\n", call(handle, "tls_bump"));
    in_thread(bump_in_thread, handle);
    in_thread(bump_in_thread, handle);
    say("  main: %d\n", call(handle, "tls_bump"));
    say_close(handle);
}

void case_tls_general(void) { two_threads("libtls_general.so"); }
void case_tls_local(void) { two_threads("libtls_local.so"); }
void case_tls_initial(void) { two_threads("libtls_initial.so"); }
void case_tls_descriptor(void) { two_threads("libtls_descriptor.so"); }
void case_tls_across(void) { two_threads("libtls_across.so"); }

static void *address_in_thread(void *arg)
{
    void **handle_and_address = arg;
    int *value = get(handle_and_address[0], "tls_value");
    say("  another address: %d, value %d\n", value != handle_and_address[1], value ? *value : -1);
    return NULL;
}

void case_tls_dlsym(void)
{
    void *handle = open_module("libtls_general.so", RTLD_NOW);
    if (!handle)
        return;
    int *value = get(handle, "tls_value");
    if (!value)
        return;
    *value = 5000;
    say("  seen by the module: %d\n", call(handle, "tls_bump"));
    in_thread(address_in_thread, (void *[]){ handle, value });
    say("  a zeroed one: %d\n", *(int *)get(handle, "tls_zero"));
    say("  main: %d\n", *value);
}

void case_tls_fresh(void)
{
    for (int i = 0; i < 2; i++) {
        void *handle = open_module("libtls_general.so", RTLD_NOW);
        if (!handle)
            return;
        say("  %d", call(handle, "tls_bump"));
        say(" %d\n", call(handle, "tls_bump"));
        say_close(handle);
    }
}

static void *aligned_in_thread(void *handle)
{
    say("  aligned: %d, value %d\n", (uintptr_t)get(handle, "tls_aligned") % 64 == 0, *(int *)get(handle, "tls_aligned"));
    return NULL;
}

void case_tls_alignment(void)
{
    void *handle = open_module("libalign.so", RTLD_NOW);
    if (!handle)
        return;
    aligned_in_thread(handle);
    in_thread(aligned_in_thread, handle);
}

static pthread_barrier_t opened;
static void *opened_later;

static void *older_thread(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&opened);
    pthread_barrier_wait(&opened);
    return opened_later ? bump_in_thread(opened_later) : NULL;
}

/* The thread is there before the modules are. */
void case_tls_older_thread(void)
{
    static const char *const modules[] = {
        "libtls_general.so", "libtls_initial.so", "libtls_descriptor.so", "libtls_local.so",
    };
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        pthread_t thread;
        pthread_barrier_init(&opened, NULL, 2);
        pthread_create(&thread, NULL, older_thread, NULL);
        pthread_barrier_wait(&opened);
        opened_later = open_module(modules[i], RTLD_NOW);
        pthread_barrier_wait(&opened);
        pthread_join(thread, NULL);
    }
}
