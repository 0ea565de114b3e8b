#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs into an empty folder, builds and runs a program against what was
# installed, and uninstalls: nothing may be left.
. "$(dirname "$0")/../e2e/lib/check.sh"
dest=$work/dest
cd "$root" || exit 1
make -s install DESTDIR="$dest" PREFIX=/opt/graft >/dev/null || fail "make install"
export PKG_CONFIG_PATH=$dest/opt/graft/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dest
cat >"$work/user.c" <<'C'
#include <graft/graft.h>
#include <stdio.h>
int main(void)
{
    struct graft_objects *objects;
    struct graft_error error;
    if (graft_objects_snapshot(&objects, &error))
        return 1;
    for (size_t i = 0; i < graft_objects_count(objects); i++)
        puts(graft_objects_get(objects, i)->path);
    graft_objects_free(objects);
    return 0;
}
C
# shellcheck disable=SC2046 # a list of words
expect 0 '' gcc -Wall -Werror -o "$work/user" "$work/user.c" $(pkg-config --cflags --libs graft)
expect 0 'libgraft\.so\.0' env LD_LIBRARY_PATH="$dest/opt/graft/lib" "$work/user"
expect 0 '' gcc -Wall -Werror -o "$work/user-static" "$work/user.c" -I"$dest/opt/graft/include" "$dest/opt/graft/lib/libgraft.a"
expect 0 'libc\.so\.6' "$work/user-static"
expect 0 '^graft ' "$dest/opt/graft/bin/graft" --version
expect 0 '' "$dest/opt/graft/bin/graft" run --rebind none.so -- /bin/true
expect 0 '' test -s "$dest/opt/graft/share/man/man1/graft-run.1"
expect 0 '^0\.' pkg-config --modversion graft-attach
make -s uninstall DESTDIR="$dest" PREFIX=/opt/graft >/dev/null || fail "make uninstall"
expect 1 '' grep -q . <(find "$dest" -type f -o -type l)
finish
