/* SPDX-License-Identifier: MIT */
/* A library whose constructor asks the runtime and keeps what it got, once: nothing that
 * comes later can mend that. The same is done by a C++ object of its own in
 * early_object.cc, which another list of constructors may run. */
#include <Python.h>

static PyObject *none;
static int initialized;

__attribute__((constructor)) static void take(void)
{
    none = Py_None;
    initialized = Py_IsInitialized();
}

PyObject *early_none(void);
int early_initialized(void);
PyObject *now_none(void);

PyObject *early_none(void) { return none; }
int early_initialized(void) { return initialized; }
PyObject *now_none(void) { return Py_None; }
