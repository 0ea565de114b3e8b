/* SPDX-License-Identifier: MIT */
/* Opens a library in a child process, to see whether it can be opened. Invariant: the
 * library's constructors run in the child alone, which answers through a pipe, has a
 * deadline and prints nothing; no answer means no. */

#include "cli/variant_check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DEADLINE_MS = 30000, ANSWER_MAX = 500 };

/* ---- in the child ----------------------------------------------------------- */

static void answer(int to, char kind, const char *text)
{
    char line[ANSWER_MAX];
    int length = snprintf(line, sizeof line, "%c%s", kind, text ? text : "");
    size_t size = length < (int)sizeof line ? (size_t)length + 1 : sizeof line;
    _exit(write(to, line, size) != (ssize_t)size);
}

static void silence(void)
{
    const struct rlimit none = { 0, 0 };
    int null = open("/dev/null", O_RDWR);
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int fd = 0; fd <= 2 && null >= 0; fd++)
        dup2(null, fd);
}

static void open_all(int to, const char *file, const struct variant_company *company)
{
    silence();
    for (size_t i = 0; company && i < company->count; i++)
        if (!dlopen(company->library[i], RTLD_LAZY | (i < company->global ? RTLD_GLOBAL : RTLD_LOCAL)))
            answer(to, 'c', dlerror());
    if (!dlopen(file, RTLD_LAZY | RTLD_LOCAL))
        answer(to, 'n', dlerror());
    answer(to, 'y', NULL);
}

/* ---- in the parent ------------------------------------------------------------ */

/* The child's answer. What a constructor started may hold the pipe open: the child's own
 * end is what counts. */
static bool read_answer(int from, char text[ANSWER_MAX])
{
    struct pollfd ready = { .fd = from, .events = POLLIN };
    int polled;
    do
        polled = poll(&ready, 1, DEADLINE_MS);
    while (polled < 0 && errno == EINTR);
    if (polled == 0) {
        snprintf(text, ANSWER_MAX, "nit did not come back within %d seconds", DEADLINE_MS / 1000);
        return true;
    }
    ssize_t got = read(from, text, ANSWER_MAX - 1);
    text[got > 0 ? got : 0] = '\0';
    return got > 0;
}

static enum variant_opened end_child(pid_t child, bool answered, char text[ANSWER_MAX])
{
    int status = 0;
    if (answered)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!answered && WIFSIGNALED(status))
        snprintf(text, ANSWER_MAX, "nthe process died of SIG%s", sigabbrev_np(WTERMSIG(status)));
    else if (!answered)
        snprintf(text, ANSWER_MAX, "nthe process ended with status %d", WEXITSTATUS(status));
    return *text == 'y' ? VARIANT_OPENS : *text == 'c' ? VARIANT_COMPANY_MISSING : VARIANT_OPENS_NOT;
}

enum variant_opened variant_check_open(const char *file, const struct variant_company *company,
                                       char *why, size_t size)
{
    char text[ANSWER_MAX] = "";
    int ends[2];
    *why = '\0';
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC)) {
        snprintf(why, size, "pipe: %s", strerror(errno));
        return VARIANT_COMPANY_MISSING;
    }
    pid_t child = fork();
    if (child == 0)
        open_all(ends[1], file, company);
    close(ends[1]);
    if (child < 0) {
        snprintf(why, size, "fork: %s", strerror(errno));
        close(ends[0]);
        return VARIANT_COMPANY_MISSING;
    }
    bool answered = read_answer(ends[0], text);
    close(ends[0]);
    enum variant_opened opened = end_child(child, answered, text);
    snprintf(why, size, "%s", *text ? text + 1 : "");
    return opened;
}
