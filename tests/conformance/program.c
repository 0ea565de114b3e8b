/* SPDX-License-Identifier: MIT */
/* Runs the cases, each in a child of its own, so that the crash of one is a line of the
 * text and no more. The same objects are linked for ld.so and for the registry. */
#include "conformance.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/wait.h>

static char folder[PATH_MAX], program[PATH_MAX];
static const char *called;

static void put_all(const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(1, text, size);
        if (n <= 0)
            _exit(99);
        text += n;
        size -= (size_t)n;
    }
}

static size_t prefix(const char *text, const char *word)
{
    size_t n = strlen(word);
    return n && strncmp(text, word, n) == 0 ? n : 0;
}

void say(const char *format, ...)
{
    char text[4096], out[8192];
    size_t at = 0, n;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (const char *s = text; *s && at < sizeof out - 8;) {
        if ((n = prefix(s, program)) || (n = prefix(s, called)))
            at += (size_t)sprintf(out + at, "PROGRAM"), s += n;
        else if ((n = prefix(s, folder)))
            at += (size_t)sprintf(out + at, "DIR"), s += n;
        else
            out[at++] = *s++;
    }
    put_all(out, at);
}

const char *path_of(const char *module)
{
    static __thread char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/mods/%s", folder, module);
    return path;
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void say_error(void)
{
    const char *text = dlerror();
    say("  dlerror: %s\n", text ? text : "(none)");
}

void *open_module(const char *module, int mode)
{
    void *handle = dlopen(path_of(module), mode);
    if (!handle)
        say_error();
    return handle;
}

void *get(void *handle, const char *name)
{
    void *address = dlsym(handle, name);
    if (!address)
        say_error();
    return address;
}

void say_close(void *handle)
{
    int status = dlclose(handle);
    say("  dlclose: %d\n", status);
}

int call(void *handle, const char *name)
{
    int (*function)(void) = (int (*)(void))get(handle, name);
    return function ? function() : -1;
}

bool is_loaded(const char *module)
{
    void *handle = dlopen(path_of(module), RTLD_LAZY | RTLD_NOLOAD);
    if (handle)
        dlclose(handle);
    else
        dlerror();
    return handle;
}

void in_thread(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, arg) || pthread_join(thread, NULL))
        say("  no thread\n");
}

int main_data = 1000;
int main_value(void) { return 77; }
__attribute__((noipa)) int shared_name(void) { return 1; }

static const struct test_case {
    const char *name;
    void (*run)(void);
} all[] = {
#define ENTRY(name) { #name, case_##name },
    CASES(ENTRY)
};
enum { ALL = sizeof all / sizeof *all };

static void run_in_child(const struct test_case *test)
{
    int status;
    say("== %s\n", test->name);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        test->run();
        exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        say("== %s: signal %d\n", test->name, WTERMSIG(status));
    else if (WEXITSTATUS(status))
        say("== %s: exit %d\n", test->name, WEXITSTATUS(status));
}

static bool wanted(const char *name, char **names)
{
    if (!*names)
        return true;
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* program [--list | --here] [CASE...]; --here: in this process, for a debugger. */
int main(int argc, char **argv)
{
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0)
        return 2;
    called = strchr(argv[0], '/') ? argv[0] : "";
    memcpy(folder, program, (size_t)n);
    *strrchr(folder, '/') = 0;
    bool list = argc > 1 && strcmp(argv[1], "--list") == 0, here = argc > 1 && strcmp(argv[1], "--here") == 0;
    for (size_t i = 0; i < ALL; i++) {
        if (list)
            puts(all[i].name);
        else if (wanted(all[i].name, argv + 1 + here)) {
            if (here)
                say("== %s\n", all[i].name), all[i].run();
            else
                run_in_child(&all[i]);
        }
    }
    return 0;
}
