# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Sourced after lib/check.sh by the load_*.sh scripts: an outcome is one command, run
# once, and then asked several questions. Each question is a case that can fail, and no
# question is asked of a command that did not run.

# shellcheck disable=SC2034,SC2154 # $root is check.sh's; these are the scripts'
load=$root/tests/e2e/load
# shellcheck disable=SC2034
crash='13[2-9]'                                 # SIGILL, SIGABRT, SIGFPE, SIGSEGV...

compile() {
    # shellcheck disable=SC2086 # CFLAGS is a list of words
    gcc -std=gnu11 ${CFLAGS:--O2} -Wall -Wextra -Werror -fPIC "$@" || { fail "cannot build: $*"; finish; }
}

# outcome STATUSES COMMAND...: runs it; its exit status must match the expression.
outcome() {
    local wanted=$1 status=0
    shift
    what="$*"
    cases=$((cases + 1))
    # The subshell's exit keeps bash from telling of signals on our standard error.
    (timeout -k 5 60 "$@"; exit $?) >"$work/output" 2>&1 </dev/null || status=$?
    ended=
    [[ $status =~ ^($wanted)$ ]] && return
    ended="ended with $status, not $wanted"
    fail "$what $ended: $(tail -c 1200 "$work/output")"
}

# says LINE...: each extended expression matches a whole line of the last outcome.
says() {
    local line
    for line in "$@"; do
        cases=$((cases + 1))
        grep -aqxE -- "$line" "$work/output" && continue
        # What a command wrote is shown once.
        if [ -n "$ended" ]; then
            fail "    nor does it say '$line'"
        else
            fail "$what does not say '$line' but: $(tail -c 1200 "$work/output")"
        fi
    done
}

# says_not LINE...: no line of the last outcome is like that.
says_not() {
    local line
    for line in "$@"; do
        cases=$((cases + 1))
        ! grep -aqxE -- "$line" "$work/output" || fail "$what says '$line': $(tail -c 1200 "$work/output")"
    done
}

# "${run[@]}" GLOB [OPTION...] -- COMMAND...: the command, with each load told.
run=("$GRAFT" run -v --load)
