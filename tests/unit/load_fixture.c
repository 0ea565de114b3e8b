/* SPDX-License-Identifier: MIT */
/* Loads the fixtures of tests/fixtures/load and watches what that does to the process.
 *
 * State: the notes of constructors, which any thread may add to; what was there before a
 * load that shall fail. */

#include "load_fixture.h"

#include <dirent.h>
#include <link.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "process.h"

enum { NOTES_MAX = 256 };
static struct { char what[48]; int value; } notes[NOTES_MAX];
static atomic_size_t note_count;

/* Called by the fixtures, which find it in the program. */
__attribute__((visibility("default"))) void loads_note(const char *what, int value);

void loads_note(const char *what, int value)
{
    size_t i = atomic_fetch_add(&note_count, 1);
    if (i >= NOTES_MAX)
        return;
    snprintf(notes[i].what, sizeof notes[i].what, "%s", what);
    notes[i].value = value;
}

static size_t notes_kept(void)
{
    return note_count < NOTES_MAX ? note_count : NOTES_MAX;
}

size_t loads_noted(const char *what)
{
    size_t count = 0;
    for (size_t i = 0; i < notes_kept(); i++)
        count += !strcmp(notes[i].what, what);
    return count;
}

const char *loads_notes(void)
{
    static char text[NOTES_MAX * 64];
    char *to = text;
    *to = '\0';
    for (size_t i = 0; i < notes_kept(); i++)
        to += sprintf(to, "%s%s %d", i ? ", " : "", notes[i].what, notes[i].value);
    return text;
}

const char *loads_path(const char *file)
{
    char name[300];
    snprintf(name, sizeof name, "load/%s", file);
    return fixture_path(name);
}

void *loads_plainly(const char *file, int mode)
{
    void *handle = dlopen(loads_path(file), mode);
    if (!handle)
        fail_msg("%s", dlerror());
    return handle;
}

void *loads_host(void)
{
    return loads_plainly("librthost.so", RTLD_NOW | RTLD_LOCAL);
}

void *loads_well(const char *file, int mode, const struct graft_load *wish)
{
    struct graft_error error;
    void *handle = NULL;
    int result = graft_load(loads_path(file), mode, wish, &handle, &error);
    if (result)
        fail_msg("%s: %d, %s", file, result, error.text);
    assert_non_null(handle);
    return handle;
}

int loads_badly(const char *file, int mode, const struct graft_load *wish, struct graft_error *error)
{
    void *handle = NULL;
    int result = graft_load(*file == '/' ? file : loads_path(file), mode, wish, &handle, error);
    if (!result)
        fail_msg("%s was loaded", file);
    assert_null(handle);
    assert_int_equal(error->code, result);
    assert_true(error->text[0] != '\0');
    return result;
}

enum graft_way loads_way(const char *file, int mode, const struct graft_load *wish)
{
    struct graft_load_plan *plan = NULL;
    struct graft_error error;
    if (graft_plan_load(&plan, loads_path(file), mode, wish, &error))
        fail_msg("%s: %s", file, error.text);
    enum graft_way way = graft_load_plan_way(plan);
    graft_load_plan_free(plan);
    return way;
}

int loads_ask(void *library, const char *function)
{
    int (*ask)(void) = (int (*)(void))dlsym(library, function);
    if (!ask)
        fail_msg("%s: %s", function, dlerror());
    return ask();
}

/* Of the lines of /proc/self/maps, those with @part, or all. */
static size_t map_lines(const char *part)
{
    char line[4096];
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        count += !part || strstr(line, part) != NULL;
    fclose(maps);
    return count;
}

bool loads_is_mapped(const char *part)
{
    return map_lines(part) > 0;
}

size_t loads_mappings(void)
{
#ifdef __SANITIZE_ADDRESS__             /* whose malloc maps as it likes */
    return map_lines("/");
#else
    return map_lines(NULL);
#endif
}

size_t loads_is_listed(const char *part)
{
    size_t count = 0;
    for (struct link_map *map = _r_debug.r_map; map; map = map->l_next)
        count += strstr(map->l_name, part) != NULL;
    return count;
}

size_t loads_memory(void)
{
    unsigned long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%lu", &pages), 1);
    fclose(statm);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

size_t loads_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static char *maps_before;
static char notes_before[1024];

void loads_note_state(void)
{
    struct graft_error error;
    void *handle;
    graft_load("/nowhere", RTLD_NOW, NULL, &handle, &error);    /* what graft keeps for itself */
    snprintf(notes_before, sizeof notes_before, "%s", loads_notes());
    maps_before = strdup(memory_maps());
    assert_non_null(maps_before);
}

void loads_expect_nothing_left(void)
{
    assert_string_equal(loads_notes(), notes_before);
    assert_string_equal(memory_maps(), maps_before);
    assert_int_equal(loads_is_listed("graft-"), 0);
    assert_int_equal(loads_is_listed("libuser"), 0);
    free(maps_before);
}

void loads_in_a_child(void (*function)(void *), void *arg)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        function(arg);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status))
        fail_msg("the child was killed by signal %d", WTERMSIG(status));
    assert_int_equal(status, 0);
}
