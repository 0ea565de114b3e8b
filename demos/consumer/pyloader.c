/* SPDX-License-Identifier: MIT */
/* The consumer of the Python demos: the essence of a language loader. It is
 * linked to libpython and evaluates code in the interpreter that its slots lead
 * to, never starting one itself. It knows nothing of graft, and must survive an
 * interpreter that was not initialised. Its slots are of every usual kind:
 *
 *   Py_IsInitialized() and other calls    JUMP_SLOT
 *   Py_None                               GLOB_DAT
 *   int_type                              R_X86_64_64
 *   int_name                              R_X86_64_64 with an addend
 *   add                                   R_X86_64_64 of a function
 */
#include <Python.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "pyloader.h"

/* Volatile, for nothing here writes to them: else the compiler would fold them
 * into the code, and there would be no such slots. */
static PyTypeObject *volatile int_type = &PyLong_Type;
static const char **volatile int_name = (const char **) &PyLong_Type.tp_name;
static binaryfunc volatile add = PyNumber_Add;

static PyObject *eval(const char *expression)
{
    PyObject *module = PyImport_AddModule("__main__");
    PyObject *names = module ? PyModule_GetDict(module) : NULL;

    return names ? PyRun_String(expression, Py_eval_input, names, names) : NULL;
}

int loader_is_initialised(void)
{
    return Py_IsInitialized();
}

enum loader_answer loader_eval(const char *expression, long *value)
{
    if (!Py_IsInitialized())
        return LOADER_NOT_INITIALISED;

    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *result = eval(expression);

    *value = result ? PyLong_AsLong(result) : -1;
    bool raised = PyErr_Occurred() != NULL;
    if (raised)
        PyErr_Print();
    Py_XDECREF(result);
    PyGILState_Release(gil);
    return raised ? LOADER_RAISED : LOADER_OK;
}

/* 1 + 41 through the function and the type in this library's own tables. */
static bool adds_up(void)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *one = PyLong_FromLong(1), *x = eval("x");
    PyObject *sum = one && x ? add(one, x) : NULL;
    bool right = sum && Py_TYPE(sum) == int_type && PyLong_AsLong(sum) == 42;

    Py_XDECREF(sum);
    Py_XDECREF(x);
    Py_XDECREF(one);
    PyErr_Clear();
    PyGILState_Release(gil);
    return right;
}

static bool none_is_none(void)
{
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *none = eval("None");
    bool same = none == Py_None;

    Py_XDECREF(none);
    PyGILState_Release(gil);
    return same;
}

static char text[1024];

static void say(const char *what, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;

    used += snprintf(text + used, sizeof text - used, "%-26s", what);
    va_start(args, format);
    used += vsnprintf(text + used, sizeof text - used, format, args);
    va_end(args);
    snprintf(text + used, sizeof text - used, "\n");
}

static const char *whose(bool hosts)
{
    return hosts ? "the host's" : "another's";
}

const char *loader_describe(const void *none, const void *host_int, const void *host_add)
{
    const char *name = (const char *) host_int + offsetof(PyTypeObject, tp_name);
    long value = 0;

    text[0] = '\0';
    say("None", "%s", whose(Py_None == none));
    say("int, in a table", "%s", whose(int_type == host_int));
    say("int + 24, in a table", "%s", whose((const char *) int_name == name));
    say("a function, in a table", "%s", whose((const void *) add == host_add));
    switch (loader_eval("x + 1", &value)) {
    case LOADER_NOT_INITIALISED:
        say("x + 1 in __main__", "interpreter not initialised");
        break;
    case LOADER_RAISED:
        say("x + 1 in __main__", "raised an exception");
        break;
    case LOADER_OK:
        say("x + 1 in __main__", "%ld", value);
        say("1 + x through the tables", "%s", adds_up() ? "42, an int" : "wrong");
        say("None is None", "%s", none_is_none() ? "True" : "False");
    }
    return text;
}
