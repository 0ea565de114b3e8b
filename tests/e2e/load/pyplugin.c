/* SPDX-License-Identifier: MIT */
/* One plugin for five hosts, with Python in it: linked to libpython, or with the
 * archive inside. Each host opens it RTLD_LOCAL and calls the one function that it
 * knows by name; that starts Python, runs the program of $EMBED_PROGRAM once and prints
 * what it said. It takes nothing by name from the hosts, so that one file suits all;
 * what Perl wants of its function is in pyplugin_perl.c. */
#include <Python.h>
#include "pyplugin.h"

static char said[2000];

static PyStatus start(PyConfig *config)
{
    PyStatus status = PyConfig_SetString(config, &config->program_name, L"/usr/bin/python3");
    config->site_import = 0;
    return PyStatus_Exception(status) ? status : Py_InitializeFromConfig(config);
}

static void run(void)
{
    const char *path = getenv("EMBED_PROGRAM");
    FILE *program = path ? fopen(path, "r") : NULL;
    if (!program || PyRun_SimpleFileExFlags(program, path, 1, NULL))
        return;
    PyObject *text = PyDict_GetItemString(PyModule_GetDict(PyImport_AddModule("__main__")), "said");
    snprintf(said, sizeof said, "%s", text ? PyUnicode_AsUTF8(text) : "nothing");
}

const char *plugin_says(void)
{
    PyConfig config;
    if (said[0])
        return said;
    PyConfig_InitIsolatedConfig(&config);
    PyStatus status = start(&config);
    PyConfig_Clear(&config);
    if (!PyStatus_Exception(status)) {
        run();
        PyEval_SaveThread();
    }
    return said[0] ? said : "no Python";
}

void plugin_print(void)
{
    dprintf(1, "said: %s\n", plugin_says());
}

/* lua: require "pyplugin" */
HOST_CALLS int luaopen_pyplugin(void *state)
{
    (void)state;
    plugin_print();
    return 0;
}

/* tclsh: load pyplugin.so */
HOST_CALLS int Pyplugin_Init(void *interp)
{
    (void)interp;
    plugin_print();
    return 0;
}

/* java: System.load */
HOST_CALLS int JNI_OnLoad(void *vm, void *reserved)
{
    (void)vm, (void)reserved;
    plugin_print();
    return 0x00010008;                          /* JNI_VERSION_1_8 */
}

/* redis-server: the first word of the context finds the server's functions by name. */
typedef int redis_get(const char *name, void *function);

static int (*reply)(void *context, const char *text);

static int command(void *context, void **arguments, int count)
{
    (void)arguments, (void)count;
    return reply(context, plugin_says());
}

HOST_CALLS int RedisModule_OnLoad(void *context, void **arguments, int count)
{
    redis_get *get = *(redis_get **)context;
    void (*attributes)(void *, const char *, int, int);
    int (*create)(void *, const char *, int (*)(void *, void **, int), const char *, int, int, int);
    (void)arguments, (void)count;
    if (get("RedisModule_SetModuleAttribs", &attributes) || get("RedisModule_CreateCommand", &create)
        || get("RedisModule_ReplyWithCString", &reply))
        return 1;
    attributes(context, "pyplugin", 1, 1);
    return create(context, "python.said", command, "readonly", 0, 0, 0);
}
