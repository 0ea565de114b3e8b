#!/bin/bash
# SPDX-License-Identifier: MIT
# Programs written for plthook and for GOTCHA build with nothing but pkg-config's
# flags, as C and as C++, bound lazily and at once, and say exactly what they should.
. "$(dirname "$0")/lib/check.sh"
here=$root/tests/e2e/compat
export LD_LIBRARY_PATH=$work:$BUILD PKG_CONFIG_PATH=$work
case $BUILD in *+* | *address*) skip "the flags of pkg-config have no sanitizer" ;; esac

# ---- what an installation holds, for this build -----------------------------
for package in graft graft-compat; do
    sed "s|@PREFIX@|$root|; s|@LIBDIR@|$BUILD|; s|@VERSION@|0|" "$root/src/$package.pc.in" >"$work/$package.pc"
done
read -ra flags <<<"$(pkg-config --cflags --libs graft-compat)"

exported() { nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort; }
listed=$(sed -n '/global:/,/local:/s/^ *\([a-z_]*\);.*/\1/p' "$root/src/libgraft-compat.map" | sort)
declared=$(cat "$root"/include/graft/compat/{plthook,gotcha/gotcha}.h | grep -oE '\b(plthook|gotcha)_[a-z_]+\(' | tr -d '(' | sort -u)
expect 0 '' diff <(echo "$listed") <(exported "$BUILD/libgraft-compat.so.0")
expect 0 '' diff <(echo "$listed") <(echo "$declared")
needed=$(readelf -dW "$BUILD/libgraft-compat.so.0" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^ld-linux' | tr '\n' ' ')
expect 0 '' test "$needed" = "libgraft.so.0 libc.so.6 "

for header in plthook.h gotcha/gotcha.h gotcha/gotcha_types.h gotcha/gotcha_config.h gotcha.h; do
    printf '#include <%s>\n#include <%s>\nextern int not_empty;\n' $header $header >"$work/header"
    for way in "gcc -x c -std=c99 -pedantic" "gcc -x c -std=gnu11 -Wmissing-prototypes -Wstrict-prototypes" \
               "g++ -x c++ -std=c++11 -pedantic" "g++ -x c++ -std=c++17"; do
        # shellcheck disable=SC2086
        expect 0 '' $way -Wall -Wextra -Werror "${flags[@]}" -fsyntax-only "$work/header"
    done
done

# ---- libraries whose calls are wrapped ----------------------------------------
library() {                                 # library NAME FLAGS... < source
    local name=$1
    shift
    gcc -x c -fPIC -shared -Wl,-soname,"lib$name.so" -o "$work/lib$name.so" - -x none -L"$work" "$@" || fail "lib$name.so"
}

libraries() {                               # libraries BINDING: lazy or now
    local bind=-Wl,-z,$1
    library number <<<'int number(void) { return 1; }'
    for name in one two; do
        library $name "$bind" -lnumber <<<"int number(void); int ask_$name(void) { return number(); }"
    done
    for name in late other last; do
        library $name "$bind" -lnumber <<<'int number(void); int ask(void) { return number(); }'
    done
    library latenumber <<<'int late_number(void) { return 7; }'
    library latecaller "$bind" -llatenumber -lnumber <<<'int late_number(void), number(void); int ask_late(void) { return late_number() + 0 * number(); }'
    library first "$bind" <<<'int shared_name(void) { return 1; } int ask(void) { return shared_name(); }'
    library second "$bind" <<<'int shared_name(void) { return 2; } int ask(void) { return shared_name(); }'
    mkdir -p "$work/a,[b]*c?"
    cp "$work/libsecond.so" "$work/a,[b]*c?/"
    library table "$bind" -lnumber <<<'int number(void); int (*volatile table[])(void) = { number };
        int by_table(void) { return table[0](); } int by_call(void) { return number(); }'
    library plugin <<<'int ninety(void) { return 90; }'
    library spell <<<'void spell(char *text) { text[0] = 0; }'
    library variable <<<'int a_variable = 1;'
    echo 'V1 { global: which; local: *; }; V2 { global: which; } V1;' >"$work/which.map"
    echo 'V1 { global: which; local: *; };' >"$work/which1.map"
    library which -Wl,--version-script="$work/which1.map" <<<'int which(void) { return 1; }'
    library old "$bind" -lwhich <<<'int which(void); int ask_old(void) { return which(); }'
    library which -Wl,--version-script="$work/which.map" <<'C'
__asm__(".symver which_one, which@V1"); __asm__(".symver which_two, which@@V2");
int which_one(void) { return 1; }
int which_two(void) { return 2; }
C
    library new "$bind" -lwhich <<<'int which(void); int ask_new(void) { return which(); }'
    library ifunc <<'C'
static int seven(void) { return 7; }
static int eight(void) { return 8; }
static int (*choose(void))(void) { __builtin_cpu_init(); return __builtin_cpu_supports("sse2") ? seven : eight; }
int chosen(void) __attribute__((ifunc("choose")));
C
    library chooser "$bind" -lifunc <<<'int chosen(void); int ask_chosen(void) { return chosen(); }'
}

# says NAME ARGUMENT...: the program's output is what stands on standard input.
says() {
    local name=$1
    shift
    cat >"$work/expected"
    expect 0 '' "$work/$name" "$@"
    cp "$work/output" "$work/said"
    expect 0 '' diff "$work/expected" "$work/said"
}

# The same for any command, with the tool of preload.c in it.
says_preloaded() {
    cat >"$work/expected"
    expect 0 '' env LD_PRELOAD="$work/preload" "$@"
    cp "$work/output" "$work/said"
    expect 0 '' diff "$work/expected" "$work/said"
}

# program NAME COMPILER FLAGS...: exactly what a user would type, and the libraries.
program() {
    local name=$1 compiler=$2 language=c
    shift 2
    [ "$compiler" = c++ ] && language=c++
    rm -f "$work/$name"
    expect 0 '' "$compiler" -Wall -Wextra -Werror -x $language "$here/$name.c" -x none -o "$work/$name" \
        "${flags[@]}" -L"$work" "$@"
}

# ---- the programs ---------------------------------------------------------------
run_all() {                                 # run_all COMPILER BINDING
    local c=$1 bind=-Wl,-z,$2
    libraries "$2"
    program wrap "$c" "$bind"
    says wrap <<'T'
nobody listens yet
wrap: 0, success is 0
puts is asked to say:
hello
open /dev/null: yes
open /does/not/exist: no
errno survives: 1
mallocs seen: 1
unwrap: 0
nobody listens any more
wrappees still there: 1
T
    program tools "$c" "$bind" -lspell
    says tools <<'T'
plain: 
unknown: -99
default: -1 -1
A then B, equal: ab
A 10: ba
A 10, B 20: ab
A 30, B 20: ba
from the parent: 25
C 25 between: bca
C 5: cba
its own: 40
C 40: bac
A 10 again: abc
a's wrapper bound again for B: bac
B gone: c
no such tool: 1
all gone: 
T
    program filters "$c" "$bind" -lone -ltwo -lnumber
    says filters "$work" <<'T'
all: main 101, one 101, two 101, late 101, other 101
by name: main 1, one 101, two 1, late 1, other 1
the program has no name: main 1, one 1, two 1, late 1, other 1
by function: main 1, one 1, two 101, late 101, other 1
only the last: main 1, one 1, two 1, late 101, other 101
the last: 101
restored: 101
T
    program late "$c" "$bind" -lnumber -Wl,--no-as-needed -lvariable
    says late "$work" <<'T'
not found: 1
no wrappee yet: 1
the other one is wrapped: 101
has come: 1
dlsym: 1007
a late caller: 1007
dlsym of one that was there: 101, RTLD_DEFAULT: 101
found now: 1, 1007
unwrapped: 1 7 7
data is no function: 1, the other one is wrapped: 101
T
    program special "$c" "$bind" -lold -lnew -lchooser -lifunc
    for met in "" unresolved; do
        # shellcheck disable=SC2086
        says special $met < <([ -n "$met" ] || echo 'plain: old 1, new 2, chosen 7 7'; cat <<'T'
wrap: 0
wrapped: old 1, new 102, chosen 107 107
unwrapped: old 1, new 2, chosen 7 7
replaced in libold.so: old 1001, new 2, chosen 7 7
given back: old 1, new 2, chosen 7 7
replaced which@V2 in libnew.so: old 1, new 1002, chosen 7 7
which@V1: the object has no slot for which@V1
which@V1 in libnew.so: 3
replaced chosen in libchooser.so: old 1, new 2, chosen 7 1007
given back: old 1, new 2, chosen 7 7
T
        )
    done
    program slots "$c" "$bind" -lone -ltwo -lnumber
    for met in "" unresolved; do
        # shellcheck disable=SC2086
        says slots $met < <([ -n "$met" ] || echo 'plain: main 1, one 1, two 1'; cat <<'T'
libone.so: number, then -1
readable: 1
replace: 0
the slot holds it: 1
replaced in one: main 1, one 101, two 1
again: 0
nothing new: main 1, one 101, two 1
a second one: 0
over the first: 1
chained: main 1, one 1101, two 1
give the second back: 0
the first alone: main 1, one 101, two 1
the second again: 0
give all back: 0
it was the second: 1
the very bytes: 1
given back: main 1, one 1, two 1
replaced in the program: main 101, one 1, two 1
replaced in two, too: main 101, one 1, two 1001
two by address, given back: main 101, one 1, two 1
the program by handle, given back: main 1, one 1, two 1
not loaded: 1 (said)
no handle: 1 (said)
no address: 1 (said)
no function: 3 (said)
a prefix is no name: 3 (said)
no such version: 3 (said)
no object: 4 (said)
T
        )
    done
    program mixed "$c" "$bind" -lone -ltwo -lnumber
    says mixed < <(for _ in 1 2; do cat <<'T'
A: main 11, one 11, two 11
replaced in one: main 11, one 1011, two 11
B: main 111, one 1011, two 111
A gone: main 101, one 1011, two 101
given back: main 101, one 101, two 101
B gone: main 1, one 1, two 1
T
    done)
    program places "$c" "$bind"
    says places "$work" <<'T'
plain: 1 2 2 2
the first: 101 2 2 2
the second: 1 102 2 2
the odd one: 1 2 102 2
the other namespace: 1 2 2 102
given back: 1 2 2 2
wrapped: 1001 2 2 2
unwrapped: 1 2 2 2
round 0: 101 101
round 1: 101 101
asked again: 0 101
given back: 1
by the plugin: 90, closed: 1, by us: 101, given back: 1
T
    program preload "$c" -shared -fPIC
    expect 0 '' gcc -o "$work/opener" "$here/opener.c"
    says_preloaded ls "$work/a,[b]*c?" <<T
opendir $work/a,[b]*c?
libsecond.so
T
    says_preloaded "$work/opener" liblatecaller.so <<'T'
dlopen
asked: 1007
T
    program threads "$c" "$bind" -lone -ltwo -lnumber -pthread
    says threads <<'T'
wrong: 0 (0), some rounds: 1 1, some calls: 1
left: 1 1 1
T
}

run_all cc lazy
run_all cc now
run_all c++ lazy
finish
