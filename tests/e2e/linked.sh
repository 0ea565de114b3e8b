#!/bin/bash
# SPDX-License-Identifier: MIT
# A program that links graft and watches itself: what it opens later is bound by its
# rules, also after a close and a reopening, and the provider stays as long as
# somebody is bound to it.
. "$(dirname "$0")/lib/check.sh"

for side in host:1 dup:2; do
    echo "int answer(void) { return ${side#*:}; }" >"$work/${side%:*}.c"
    gcc -shared -fPIC -Wl,-soname,"lib${side%:*}.so" -o "$work/lib${side%:*}.so" "$work/${side%:*}.c"
done
echo 'int answer(void); int ask(void) { return answer(); }' >"$work/consumer.c"
gcc -shared -fPIC -Wl,--no-as-needed -o "$work/libconsumer.so" "$work/consumer.c" -L"$work" -ldup -Wl,-rpath,"$work"

cat >"$work/program.c" <<'C'
#include <dlfcn.h>
#include <graft/graft.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[4096];

static void *open_in(const char *name)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    if (!handle)
        printf("%s\n", dlerror());
    return handle;
}

static int ask(void *consumer)
{
    return ((int (*)(void))dlsym(consumer, "ask"))();
}

static int is_mapped(const char *name)
{
    char line[4096];
    int found = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        found |= strstr(line, name) != NULL;
    fclose(maps);
    return found;
}

int main(int count, char **arguments)
{
    struct graft_error error;
    snprintf(folder, sizeof folder, "%s", arguments[count - 1]);
    if (graft_rules_add("rebind libconsumer.so from=libdup.so onto=libhost.so", &error) || graft_watch(&error))
        return printf("%s\n", error.text), 1;
    if (graft_rules_add("rebind x colour", &error) != -GRAFT_ESYNTAX)
        return puts("a bad rule was taken"), 1;
    void *host = open_in("libhost.so");
    for (int round = 0; round < 3; round++) {
        void *consumer = open_in("libconsumer.so");
        printf("round %d: %d\n", round, ask(consumer));
        if (round == 1) {
            dlclose(host);
            printf("host closed: %d, mapped %d\n", ask(consumer), is_mapped("libhost.so"));
            host = open_in("libhost.so");
        }
        dlclose(consumer);
        printf("mapped: consumer %d, duplicate %d\n", is_mapped("libconsumer.so"), is_mapped("libdup.so"));
    }
    dlclose(host);
    printf("at the end: host %d\n", is_mapped("libhost.so"));
    return 0;
}
C
gcc -Wall -Wextra -I"$root/include" -o "$work/program" "$work/program.c" -L"$BUILD" -lgraft -Wl,-rpath,"$BUILD"
cat >"$work/expected" <<'T'
round 0: 1
mapped: consumer 0, duplicate 0
round 1: 1
host closed: 1, mapped 1
mapped: consumer 0, duplicate 0
round 2: 1
mapped: consumer 0, duplicate 0
at the end: host 0
T
expect 0 '' "$work/program" "$work"
expect 0 '' diff "$work/expected" <("$work/program" "$work")
cat >"$work/static.c" <<'C'
#include <graft/graft.h>
#include <stdio.h>
int main(void)
{
    struct graft_error error;
    int result = graft_watch(&error);
    puts(error.text);
    return result == -GRAFT_ESTATIC ? 0 : 1;
}
C
expect 0 '' gcc -static -w -I"$root/include" -o "$work/static" "$work/static.c" "$BUILD/libgraft.a"
expect 0 'static' "$work/static"
finish
