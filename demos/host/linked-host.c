/* SPDX-License-Identifier: MIT */
/* A host that is linked to Python itself, be it the library or the archive, and
 * opens consumers with RTLD_DEEPBIND, as PHP does with its extensions.
 *   linked-host CONSUMER
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include "consumer.h"

int main(int argc, char **argv)
{
    struct interpreter interpreter;

    if (argc != 2)
        return 2;
    if (interpreter_start(&interpreter))
        return 1;
    if (consumer_show(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND, &interpreter))
        return 1;
    return -interpreter_stop();
}
