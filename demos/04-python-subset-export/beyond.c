/* SPDX-License-Identifier: MIT */
/* More of the consumer: what makes it a large loader, for it uses a function and
 * a type that the host has inside but does not export. */
#include <Python.h>

const char *loader_version(void);
PyObject *loader_new_list(void);

const char *loader_version(void)
{
    return Py_GetVersion();
}

PyObject *loader_new_list(void)
{
    return PyObject_CallNoArgs((PyObject *) &PyList_Type);
}
