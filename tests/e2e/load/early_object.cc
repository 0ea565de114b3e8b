// SPDX-License-Identifier: MIT
// The C++ half of early.c: an object of static storage that keeps what the runtime is
// while it is constructed.
#include <Python.h>

static struct Taker {
    PyObject *none;
    PyTypeObject *type;
    int initialized;
    Taker() : none(Py_None), type(&PyLong_Type), initialized(Py_IsInitialized()) {}
} taker;

extern "C" PyObject *object_none() { return taker.none; }
extern "C" PyTypeObject *object_type() { return taker.type; }
extern "C" int object_initialized() { return taker.initialized; }
