/* SPDX-License-Identifier: MIT */
/* An extension module that asks the loader for its runtime, as language loaders do that
 * serve hosts of many versions: by soname, with RTLD_NOLOAD, with RTLD_DEFAULT, and
 * through a handle of its own. It is told the address of None by its caller, and
 * answers for each way: host, other (a second copy), or nothing. */
#include <Python.h>
#include <dlfcn.h>

static PyObject *host_none;

static const char *whose(void *found)
{
    return !found ? "nothing" : found == host_none ? "host" : "other";
}

/* Whether the Python that @handle leads to runs, and sees what the caller's does. */
static const char *runs(void *handle)
{
    int (*initialized)(void);
    int (*run)(const char *, PyCompilerFlags *);
    *(void **)&initialized = dlsym(handle, "Py_IsInitialized");
    *(void **)&run = dlsym(handle, "PyRun_SimpleStringFlags");
    if (!initialized || !run)
        return "nothing";
    return initialized() && !run("asked = x + 1", NULL) ? "host" : "other";
}

static PyObject *by_name(const char *soname, int flags, int run)
{
    void *handle = dlopen(soname, flags);
    if (!handle)
        return PyUnicode_FromString("nothing");
    PyObject *answer = PyUnicode_FromString(run ? runs(handle) : whose(dlsym(handle, "_Py_NoneStruct")));
    dlclose(handle);
    return answer;
}

static PyObject *own_handle(void)
{
    Dl_info info;
    void *handle = dladdr(&host_none, &info) ? dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (!handle)
        return PyUnicode_FromString("no handle");
    PyObject *answer = PyUnicode_FromString(whose(dlsym(handle, "_Py_NoneStruct")));
    dlclose(handle);
    return answer;
}

/* ask(how, soname, none) */
static PyObject *ask(PyObject *self, PyObject *arguments)
{
    const char *how, *soname;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "ssO", &how, &soname, &host_none))
        return NULL;
    switch (how[0]) {
    case 'd':
        return PyUnicode_FromString(whose(dlsym(RTLD_DEFAULT, "_Py_NoneStruct")));
    case 'o':
        return own_handle();
    case 'n':
        return by_name(soname, RTLD_NOW | RTLD_NOLOAD, 0);
    case 'r':
        return by_name(soname, RTLD_NOW, 1);
    default:
        return by_name(soname, RTLD_NOW, 0);
    }
}

static PyMethodDef methods[] = {
    { "ask", ask, METH_VARARGS, NULL },
    { NULL, NULL, 0, NULL }
};

static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, .m_name = "asks", .m_size = -1,
                                         .m_methods = methods };

PyMODINIT_FUNC PyInit_asks(void) { return PyModule_Create(&definition); }
