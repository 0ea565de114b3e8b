/* SPDX-License-Identifier: MIT */
/* A module for Lua that has Python in it: require "python" is a function that runs
 * Python's statements and returns what they leave in the variable said, or the error. */
#include <Python.h>
#include <lua.h>
#include <lauxlib.h>

static const char *last_error(void)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *text = PyUnicode_FromFormat("%s: %S", ((PyTypeObject *) type)->tp_name, value);
    return text ? PyUnicode_AsUTF8(text) : "an error that has no text";
}

static int run(lua_State *lua)
{
    PyObject *names = PyModule_GetDict(PyImport_AddModule("__main__"));
    PyObject *result = PyRun_String(luaL_checkstring(lua, 1), Py_file_input, names, names);
    PyObject *said = result ? PyDict_GetItemString(names, "said") : NULL;
    PyObject *text = said ? PyObject_Str(said) : NULL;
    lua_pushstring(lua, !result ? last_error() : text ? PyUnicode_AsUTF8(text) : "");
    Py_XDECREF(text);
    Py_XDECREF(result);
    return 1;
}

int luaopen_python(lua_State *lua)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.site_import = 0;
    PyStatus status = PyConfig_SetString(&config, &config.program_name, L"/usr/bin/python3");
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        return luaL_error(lua, "Python does not start");
    lua_pushcfunction(lua, run);
    return 1;
}
