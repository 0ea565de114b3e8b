/* SPDX-License-Identifier: MIT */
/* libwrap.so: three replacements for bench_leaf, in a library as hooks are. */

typedef int leaf(void);

extern leaf *wrap_next[3], *const wrap_function[3];
leaf *wrap_next[3];

static int wrapper0(void) { return wrap_next[0](); }
static int wrapper1(void) { return wrap_next[1](); }
static int wrapper2(void) { return wrap_next[2](); }

leaf *const wrap_function[3] = { wrapper0, wrapper1, wrapper2 };
