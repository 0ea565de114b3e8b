/* SPDX-License-Identifier: MIT */
/* DT_INIT and DT_FINI by linker options, arrays with priorities beside them. */
#include "module.h"
void init_by_tag(void) { say("  DT_INIT\n"); }
void fini_by_tag(void) { say("  DT_FINI\n"); }
__attribute__((constructor)) static void last(void) { say("  constructor\n"); }
__attribute__((constructor(202))) static void second(void) { say("  constructor 202\n"); }
__attribute__((constructor(201))) static void first(int argc, char **argv, char **envp)
{
    say("  constructor 201: arguments %d\n", argc > 0 && argv && argv[0] && !argv[argc] && envp);
}
__attribute__((destructor)) static void end(void) { say("  destructor\n"); }
__attribute__((destructor(202))) static void end_second(void) { say("  destructor 202\n"); }
__attribute__((destructor(201))) static void end_first(void) { say("  destructor 201\n"); }
