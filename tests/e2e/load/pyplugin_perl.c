/* SPDX-License-Identifier: MIT */
/* The plugin's function for Perl, which DynaLoader installs and the script calls: it
 * takes its arguments off Perl's stack, inline in the interpreter it is passed, so that
 * no symbol of Perl is needed. Apart, as perl.h and Python.h do not go together. */
#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"
#include "pyplugin.h"

HOST_CALLS XS(boot_pyplugin)
{
    dXSARGS;
    PERL_UNUSED_VAR(items);
    plugin_print();
    XSRETURN_EMPTY;
}
