/* SPDX-License-Identifier: MIT */
/* A plain C host without Python, which gets its interpreter from a plugin and
 * then opens the consumer, lazily: its calls are not resolved when dlopen returns.
 *   plugin-host local PLUGIN CONSUMER        the plugin is opened RTLD_LOCAL
 *   plugin-host namespace PLUGIN CONSUMER    it gets a link-map namespace
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include "consumer.h"

static void *open_plugin(const char *how, const char *path)
{
    if (strcmp(how, "namespace") == 0)
        return dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

int main(int argc, char **argv)
{
    int (*start)(struct interpreter *), (*stop)(void);
    struct interpreter interpreter;

    if (argc != 4)
        return 2;
    void *plugin = open_plugin(argv[1], argv[2]);
    if (!plugin)
        return -dl_failed();
    start = (int (*)(struct interpreter *)) dlsym(plugin, "interpreter_start");
    stop = (int (*)(void)) dlsym(plugin, "interpreter_stop");
    if (!start || !stop)
        return -dl_failed();
    if (start(&interpreter) || consumer_show(argv[3], RTLD_LAZY | RTLD_LOCAL, &interpreter))
        return 1;
    return -stop();
}
