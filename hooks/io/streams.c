/* SPDX-License-Identifier: MIT */
/* stdio. What a FILE reads and writes happens inside libc, where no slot is: so what
 * the program passed to or got from these functions is counted, apart from reads and
 * writes. Invariant: a stream that is no descriptor (fmemopen) counts for nothing. */
#include "calls.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "moved.h"

#define NEXT(name) __typeof__(name) *next_##name;
IO_STREAMS(NEXT)

static struct account *account_of(FILE *stream)
{
    int saved = errno, fd = fileno_unlocked(stream);
    errno = saved;
    return fd < 0 ? NULL : ledger_of(fd);
}

static void count_in(FILE *stream, size_t size)
{
    struct account *account = account_of(stream);
    if (account)
        ledger_add(&account->counts.stdio_in, size);
}

static void count_out(FILE *stream, size_t size)
{
    struct account *account = account_of(stream);
    if (account)
        ledger_add(&account->counts.stdio_out, size);
}

/* ---- opening and closing ------------------------------------------------------------ */

static FILE *opened_stream(const char *call, const char *path, FILE *stream)
{
    files_opened(call, AT_FDCWD, path, stream ? fileno(stream) : -1);
    return stream;
}

/* A mode that fopen refuses opens nothing: the kernel never saw the path. */
#define FOPEN(name) \
    FILE *our_##name(const char *restrict path, const char *restrict mode) \
    { \
        FILE *stream = next_##name(path, mode); \
        bool refused = !stream && !strchr("rwa", *mode); \
        return refused ? NULL : opened_stream(#name, path, stream); \
    }
FOPEN(fopen)
FOPEN(fopen64)

static void forget(FILE *stream)
{
    int saved = errno, fd = fileno_unlocked(stream);
    if (fd >= 0)
        ledger_clear((unsigned)fd, (unsigned)fd);
    errno = saved;
}

/* Without a path the file stays and its mode changes. */
#define FREOPEN(name) \
    FILE *our_##name(const char *restrict path, const char *restrict mode, FILE *restrict stream) \
    { \
        forget(stream); \
        FILE *result = next_##name(path, mode, stream); \
        return path ? opened_stream(#name, path, result) : result; \
    }
FREOPEN(freopen)
FREOPEN(freopen64)

int our_fclose(FILE *stream)
{
    forget(stream);
    return next_fclose(stream);
}

int our_pclose(FILE *stream)
{
    forget(stream);
    return next_pclose(stream);
}

/* ---- in -------------------------------------------------------------------------------- */

#define FREAD(name, parameters, arguments) \
    size_t our_##name parameters \
    { \
        size_t got = next_##name arguments; \
        count_in(stream, got * size); \
        return got; \
    }
FREAD(fread, (void *restrict bytes, size_t size, size_t many, FILE *restrict stream), (bytes, size, many, stream))
FREAD(fread_unlocked, (void *restrict bytes, size_t size, size_t many, FILE *restrict stream), (bytes, size, many, stream))
FREAD(__fread_chk, (void *restrict bytes, size_t room, size_t size, size_t many, FILE *restrict stream), (bytes, room, size, many, stream))
FREAD(__fread_unlocked_chk, (void *restrict bytes, size_t room, size_t size, size_t many, FILE *restrict stream), (bytes, room, size, many, stream))

#define FGETS(name, parameters, arguments) \
    char *our_##name parameters \
    { \
        char *line = next_##name arguments; \
        if (line) \
            count_in(stream, strlen(line)); \
        return line; \
    }
FGETS(fgets, (char *restrict text, int size, FILE *restrict stream), (text, size, stream))
FGETS(fgets_unlocked, (char *restrict text, int size, FILE *restrict stream), (text, size, stream))
FGETS(__fgets_chk, (char *restrict text, size_t room, int size, FILE *restrict stream), (text, room, size, stream))
FGETS(__fgets_unlocked_chk, (char *restrict text, size_t room, int size, FILE *restrict stream), (text, room, size, stream))

#define GETLINE(name, parameters, arguments) \
    ssize_t our_##name parameters \
    { \
        ssize_t got = next_##name arguments; \
        if (got > 0) \
            count_in(stream, (size_t)got); \
        return got; \
    }
GETLINE(getline, (char **restrict line, size_t *restrict room, FILE *restrict stream), (line, room, stream))
GETLINE(getdelim, (char **restrict line, size_t *restrict room, int end, FILE *restrict stream), (line, room, end, stream))
GETLINE(__getdelim, (char **restrict line, size_t *restrict room, int end, FILE *restrict stream), (line, room, end, stream))

#define GETC(name, parameters, arguments, stream) \
    int our_##name parameters \
    { \
        int got = next_##name arguments; \
        if (got != EOF) \
            count_in(stream, 1); \
        return got; \
    }
GETC(fgetc, (FILE *stream), (stream), stream)
GETC(getc, (FILE *stream), (stream), stream)
GETC(_IO_getc, (FILE *stream), (stream), stream)
GETC(fgetc_unlocked, (FILE *stream), (stream), stream)
GETC(getc_unlocked, (FILE *stream), (stream), stream)
GETC(getchar, (void), (), stdin)
GETC(getchar_unlocked, (void), (), stdin)

/* ---- out ------------------------------------------------------------------------------- */

#define FWRITE(name) \
    size_t our_##name(const void *restrict bytes, size_t size, size_t many, FILE *restrict stream) \
    { \
        size_t put = next_##name(bytes, size, many, stream); \
        count_out(stream, put * size); \
        return put; \
    }
FWRITE(fwrite)
FWRITE(fwrite_unlocked)

/* @size is evaluated after the call, and may be about its result, @done. */
#define PUT(name, parameters, arguments, stream, size) \
    int our_##name parameters \
    { \
        int done = next_##name arguments; \
        if (done >= 0) \
            count_out(stream, size); \
        return done; \
    }
PUT(fputs, (const char *restrict text, FILE *restrict stream), (text, stream), stream, strlen(text))
PUT(fputs_unlocked, (const char *restrict text, FILE *restrict stream), (text, stream), stream, strlen(text))
PUT(puts, (const char *text), (text), stdout, strlen(text) + 1)
PUT(fputc, (int byte, FILE *stream), (byte, stream), stream, 1)
PUT(putc, (int byte, FILE *stream), (byte, stream), stream, 1)
PUT(_IO_putc, (int byte, FILE *stream), (byte, stream), stream, 1)
PUT(fputc_unlocked, (int byte, FILE *stream), (byte, stream), stream, 1)
PUT(putc_unlocked, (int byte, FILE *stream), (byte, stream), stream, 1)
PUT(putchar, (int byte), (byte), stdout, 1)
PUT(putchar_unlocked, (int byte), (byte), stdout, 1)
PUT(vfprintf, (FILE *restrict stream, const char *restrict format, va_list words), (stream, format, words), stream, (size_t)done)
PUT(vprintf, (const char *restrict format, va_list words), (format, words), stdout, (size_t)done)
PUT(__vfprintf_chk, (FILE *stream, int flag, const char *format, va_list words), (stream, flag, format, words), stream, (size_t)done)
PUT(__vprintf_chk, (int flag, const char *format, va_list words), (flag, format, words), stdout, (size_t)done)

/* Words cannot be passed on as such: the twin that takes a list does the same. */
#define PRINT(name, parameters, format, twin) \
    int our_##name parameters \
    { \
        va_list words; \
        va_start(words, format); \
        int done = twin; \
        va_end(words); \
        return done; \
    }
PRINT(fprintf, (FILE *restrict stream, const char *restrict format, ...), format, our_vfprintf(stream, format, words))
PRINT(printf, (const char *restrict format, ...), format, our_vprintf(format, words))
PRINT(__fprintf_chk, (FILE *stream, int flag, const char *format, ...), format, our___vfprintf_chk(stream, flag, format, words))
PRINT(__printf_chk, (int flag, const char *format, ...), format, our___vprintf_chk(flag, format, words))
