/* SPDX-License-Identifier: MIT */
/* Runs a program's tests in a process each. */

#include "process.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *program;

/* Runs one test with its output in @output, and returns its wait status. */
static int run(const char *name, FILE *output)
{
    char *arguments[] = { (char *)program, (char *)name, NULL };
    posix_spawn_file_actions_t actions;
    int status = -1;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(output), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fileno(output), STDERR_FILENO);
    if (posix_spawn(&pid, program, &actions, NULL, arguments, environ) == 0)
        waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

static void show(FILE *output)
{
    char line[1024];
    rewind(output);
    while (fgets(line, sizeof(line), output))
        fprintf(stderr, "    | %s", line);
}

static int was_skipped(FILE *output)
{
    char line[1024];
    int skipped = 0;
    rewind(output);
    while (fgets(line, sizeof(line), output))
        skipped |= !strncmp(line, "[  SKIPPED ]", 12);
    return skipped;
}

static void run_elsewhere(void **state)
{
    const char *name = *state;
    FILE *output = tmpfile();
    assert_non_null(output);
    int status = run(name, output);
    if (status)
        show(output);
    int skipped = !status && was_skipped(output);
    fclose(output);
    if (skipped)
        skip();
    if (WIFSIGNALED(status))
        fail_msg("%s: killed by signal %d", name, WTERMSIG(status));
    assert_int_equal(status, 0);
}

int each_in_a_process(int argc, char **argv, const struct CMUnitTest *tests, size_t count)
{
    struct CMUnitTest elsewhere[count];
    program = argv[0];
#ifdef __SANITIZE_ADDRESS__
    setenv("GRAFT_SLOW_TOOL", "1", 0);
#endif
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && !strcmp(argv[1], tests[i].name))
            return _cmocka_run_group_tests(tests[i].name, &tests[i], 1, NULL, NULL);
        elsewhere[i] = (struct CMUnitTest){ tests[i].name, run_elsewhere, NULL, NULL, (void *)tests[i].name };
    }
    if (argc > 1)
        return fprintf(stderr, "no test is named %s\n", argv[1]), 2;
    return _cmocka_run_group_tests(program, elsewhere, count, NULL, NULL);
}

int is_soak(void)
{
    const char *soak = getenv("SOAK");
    return soak && *soak == '1';
}
