/* SPDX-License-Identifier: MIT */
/* The program of watch.sh. What it prints must be the same, watched or not.
 *
 *   program plain FOLDER         everything that watching could change
 *   program rules PATH ANSWER TIMES   opens and closes a fixture consumer; each time
 *                                its calls must give ANSWER
 *   program storm ANSWER PATH... the same in four threads at once */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void *plug_open(const char *file, int mode);
void *plug_open_in(long space, const char *file, int mode);
int plug_close(void *handle);
const char *plug_next(void);

static const char *base(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "(null)";
}

/* What came of a call: the object and its namespace, errno, and both dlerrors. */
static void tell(const char *what, void *handle)
{
    int code = errno;
    const char *error = dlerror();
    struct link_map *map = NULL;
    Lmid_t space = -1;
    if (handle && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0)
        dlinfo(handle, RTLD_DI_LMID, &space);
    printf("%s: %s in %ld, errno %d, %s\n", what, map ? base(map->l_name) : "nothing", (long)space, code,
           error ? error : "no error");
    error = dlerror();
    printf("%s: then %s\n", what, error ? error : "no error");
    errno = 0;
}

static void *open_close(void *arg)
{
    long good = 0;
    for (int i = 0; i < 300; i++) {
        void *handle = plug_open(arg, RTLD_NOW);
        good += handle && !plug_close(handle);
        handle = dlopen(arg, RTLD_NOW);         /* found by nobody's RUNPATH, or by its path */
        good += handle && !dlclose(handle);
    }
    return (void *)good;
}

static void threads(const char *file)
{
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, open_close, (void *)file);
    for (int i = 0; i < 4; i++) {
        void *good;
        pthread_join(thread[i], &good);
        printf("thread %d: %ld of 600\n", i, (long)good);
    }
}

static void environment(void)
{
    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "LD_PRELOAD=", 11) && strncmp(*variable, "GRAFT_", 6))
            printf("environ %s\n", *variable);
}

static int plain(const char *folder)
{
    char path[4096];
    errno = 0;
    tell("by the caller's RUNPATH", plug_open("libonly.so", RTLD_NOW));
    tell("by nobody's", dlopen("libonly.so.not", RTLD_NOW));
    tell("by $ORIGIN", plug_open("$ORIGIN/../only/libonly.so", RTLD_NOW));
    tell("by the program's $ORIGIN", dlopen("$ORIGIN/../only/libonly.so", RTLD_NOW));
    tell("not there", plug_open("/nowhere/libnothing.so", RTLD_LAZY));
    tell("bad flags", plug_open("libonly.so", 0));
    snprintf(path, sizeof(path), "%s/libbad.so", folder);
    tell("unresolved", plug_open(path, RTLD_NOW));
    snprintf(path, sizeof(path), "%s/plug", folder);
    tell("a folder", plug_open(path, RTLD_NOW));
    tell("itself", plug_open(NULL, RTLD_NOW));
    tell("not loaded", plug_open("libnothing.so", RTLD_NOW | RTLD_NOLOAD));
    tell("new namespace", plug_open_in(LM_ID_NEWLM, "libonly.so", RTLD_NOW));
    tell("base namespace", plug_open_in(LM_ID_BASE, "libonly.so", RTLD_NOW));

    snprintf(path, sizeof(path), "%s/plug/libplug.so", folder);
    void *inner = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
    tell("plug in a namespace", inner);
    void *(*inner_open)(const char *, int) = (void *(*)(const char *, int))dlsym(inner, "plug_open");
    tell("from inside", inner_open("libonly.so", RTLD_NOW));
    tell("from inside, not there", inner_open("libnothing.so", RTLD_NOW));

    snprintf(path, sizeof(path), "%s/early/libearly.so", folder);
    void *early = plug_open(path, RTLD_NOW);
    tell("with a constructor that opens", early);
    printf("it found %s, program in backtrace %d\n", *(const char **)dlsym(early, "early_found"),
           *(int *)dlsym(early, "early_sees_program"));
    printf("RTLD_NEXT finds %s\n", plug_next());
    printf("close twice: %d", plug_close(early));
    printf(" %d\n", plug_close(dlopen(NULL, RTLD_NOW)));
    dlsym(RTLD_DEFAULT, "a_name_that_nobody_has");
    tell("an error that was pending", plug_open("libonly.so", RTLD_NOW));
    threads("libonly.so");
    environment();
    printf("getppid %s\n", getppid() == 4711 ? "other's" : "libc's");
    return 0;
}

static int ask(void *consumer)
{
    int (*call)(void) = (int (*)(void))dlsym(consumer, "consumer_call");
    int (*data)(void) = (int (*)(void))dlsym(consumer, "consumer_data");
    return call && data && call() == data() ? call() : -1;
}

static long wrong_answers(const char *path, int answer, int times)
{
    long wrong = 0;
    for (int i = 0; i < times; i++) {
        void *consumer = i % 2 ? dlopen(path, RTLD_LAZY) : plug_open(path, RTLD_NOW);
        wrong += !consumer || ask(consumer) != answer;
        if (consumer)
            dlclose(consumer);
    }
    return wrong;
}

static int storm_answer;

static void *storm(void *arg)
{
    return (void *)wrong_answers(arg, storm_answer, 200);
}

static long resident(void)
{
    long size = 0, pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%ld %ld", &size, &pages) != 2)
        pages = 0;
    if (statm)
        fclose(statm);
    return pages * 4;
}

int main(int argc, char **argv)
{
    const char *provider = getenv("PROVIDER");
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (provider && !dlopen(provider, RTLD_NOW | RTLD_LOCAL))
        return fprintf(stderr, "%s\n", dlerror()), 2;
    if (argc == 3 && !strcmp(argv[1], "plain"))
        return plain(argv[2]);
    if (argc == 5 && !strcmp(argv[1], "rules")) {
        long wrong = wrong_answers(argv[2], atoi(argv[3]), 50), before = resident();
        wrong += wrong_answers(argv[2], atoi(argv[3]), atoi(argv[4]));
        printf("wrong %ld, grown by %ld KiB\n", wrong, resident() - before);
        return wrong != 0 || resident() - before > 512;
    }
    if (argc == 7 && !strcmp(argv[1], "storm")) {
        pthread_t thread[4];
        long sum = 0;
        storm_answer = atoi(argv[2]);
        for (int i = 0; i < 4; i++)
            pthread_create(&thread[i], NULL, storm, argv[3 + i]);
        for (int i = 0; i < 4; i++) {
            void *wrong;
            pthread_join(thread[i], &wrong);
            sum += (long)wrong;
        }
        printf("wrong %ld\n", sum);
        return sum != 0;
    }
    return 2;
}
