#!/bin/bash
# SPDX-License-Identifier: MIT
# An extension linked to libphp in php, which opens its extensions RTLD_DEEPBIND: the
# globals that it reads are those of a PHP that never started, and its strings come from
# a heap that is not there.
. "$(dirname "$0")/lib/check.sh"
. "$(dirname "$0")/load/load.sh"

read -ra headers < <(php-config --includes | sed 's/-I/-isystem /g')
read -ra libphp < <(ldconfig -p | sed -n 's/.*=> \(.*libphp8*\.so\)$/\1/p')
[ ${#libphp[@]} -gt 0 ] || skip "no libphp (Debian: libphp8.2-embed)"
compile -shared "${headers[@]}" -o "$work/unlinked.so" "$load/phpext.c"
compile -shared "${headers[@]}" -o "$work/linked.so" "$load/phpext.c" "${libphp[0]}"
# php_with EXTENSION: the command up to the question.
php_with() { command=(php -n -d extension="$work/$1.so" "$load/phpext.php"); }
right=("variable='forty-one'" running=true "string='cli 42'" "throw='ValueError on purpose 7'")

php_with unlinked
outcome 0 "${command[@]}" all
says "${right[@]}" libphp=0
outcome 0 "${run[@]}" "$work/*" -- "${command[@]}" all
says "graft: load $work/unlinked.so: none: .+" "${right[@]}" libphp=0

php_with linked
outcome 0 "${command[@]}" running
says running=false libphp=1
for question in variable string throw; do
    outcome "$crash" "${command[@]}" $question
done
for way in default:0 provider:0 rebind:1; do
    force=(--way "${way%:*}")
    [ "${way%:*}" != default ] || force=()
    outcome 0 "${run[@]}" "$work/*" "${force[@]}" -- "${command[@]}" all
    says "graft: load $work/linked.so: [a-z]+: .+" "${right[@]}" "libphp=${way#*:}"
done
# With Debian's own extensions, whose files the glob does not name.
outcome 0 "${run[@]}" linked.so -- php -d extension="$work/linked.so" "$load/phpext.php" all
says "${right[@]}" libphp=0
says_not 'graft: load .*opcache.*'
finish
