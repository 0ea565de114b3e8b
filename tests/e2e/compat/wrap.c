/* SPDX-License-Identifier: MIT */
/* A GOTCHA tool as its documentation's readers write one: three functions of libc,
 * wrapped in the program itself. Knows what libc answers; one of its wrappers is
 * called from inside libc as well. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <gotcha/gotcha.h>

typedef int puts_type(const char *);
typedef int open_type(const char *, int, ...);
typedef void *malloc_type(size_t);

static gotcha_wrappee_handle_t puts_handle, open_handle, malloc_handle;
static int inside, mallocs;

static int puts_wrapper(const char *text)
{
    puts_type *wrappee = (puts_type *)gotcha_get_wrappee(puts_handle);
    wrappee("puts is asked to say:");
    return wrappee(text);
}

static int open_wrapper(const char *path, int flags, ...)
{
    open_type *wrappee = (open_type *)gotcha_get_wrappee(open_handle);
    va_list arguments;
    va_start(arguments, flags);
    int file = wrappee(path, flags, va_arg(arguments, int));
    va_end(arguments);
    printf("open %s: %s\n", path, file < 0 ? "no" : "yes");
    return file;
}

static void *malloc_wrapper(size_t size)
{
    malloc_type *wrappee = (malloc_type *)gotcha_get_wrappee(malloc_handle);
    if (!inside)
        mallocs++;
    return wrappee(size);
}

static struct gotcha_binding_t bindings[] = {
    { "puts", (void *)puts_wrapper, &puts_handle },
    { "open", (void *)open_wrapper, &open_handle },
    { "malloc", (void *)malloc_wrapper, &malloc_handle },
};

static void *volatile kept;

int main(void)
{
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    puts("nobody listens yet");
    int result = gotcha_wrap(bindings, sizeof bindings / sizeof *bindings, "a_tool");
    printf("wrap: %d, success is %d\n", result, GOTCHA_SUCCESS);
    puts("hello");
    int file = open("/dev/null", O_RDONLY, 0);
    close(file);
    errno = 0;
    if (open("/does/not/exist", O_RDONLY, 0) < 0)
        printf("errno survives: %d\n", errno == ENOENT);
    mallocs = 0;
    kept = malloc(10);
    free(kept);
    inside = 1;
    kept = malloc(10);
    free(kept);
    printf("mallocs seen: %d\n", mallocs);
    result = gotcha_unwrap("a_tool");
    printf("unwrap: %d\n", result);
    puts("nobody listens any more");
    printf("wrappees still there: %d\n", gotcha_get_wrappee(puts_handle) && gotcha_get_wrappee(open_handle));
    return 0;
}
