/* SPDX-License-Identifier: MIT */
/* The host's interpreter: started once, with x = 41 in __main__. Isolated, so
 * that neither the environment nor another python3 on PATH has a say. */
#include <Python.h>
#include "interpreter.h"

static PyStatus start(PyConfig *config)
{
    PyStatus status = PyConfig_SetString(config, &config->program_name, L"/usr/bin/python3");

    config->site_import = 0;
    return PyStatus_Exception(status) ? status : Py_InitializeFromConfig(config);
}

int interpreter_start(struct interpreter *interpreter)
{
    PyConfig config;

    PyConfig_InitIsolatedConfig(&config);
    PyStatus status = start(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        return -1;
    interpreter->none = Py_None;
    interpreter->int_type = &PyLong_Type;
    interpreter->add = (const void *) PyNumber_Add;
    return PyRun_SimpleString("x = 41");
}

int interpreter_stop(void)
{
    return Py_FinalizeEx();
}
