/* SPDX-License-Identifier: MIT */
/* An extension module that refers to Python in each way that a compiled one does:
 * calls, None by its address, exceptions by a pointer variable, types and functions in
 * the slots of a static type. Its answers name what came from another copy than the
 * interpreter that imported it; all right is "right". */
#include <Python.h>

struct box {
    PyObject_HEAD
    PyObject *held;
};

static int traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct box *)self)->held);
    return 0;
}

static int clear(PyObject *self)
{
    Py_CLEAR(((struct box *)self)->held);
    return 0;
}

static void dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    clear(self);
    Py_TYPE(self)->tp_free(self);
}

/* Data slots: one with a type, the others with functions. */
static PyTypeObject box_type = {
    PyVarObject_HEAD_INIT(&PyType_Type, 0)
    .tp_name = "probe.Box",
    .tp_basicsize = sizeof(struct box),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .tp_base = &PyBaseObject_Type,
    .tp_getattro = PyObject_GenericGetAttr,
    .tp_alloc = PyType_GenericAlloc,
    .tp_new = PyType_GenericNew,
    .tp_free = PyObject_GC_Del,
    .tp_traverse = traverse,
    .tp_clear = clear,
    .tp_dealloc = dealloc,
};

static PyObject *none(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    Py_RETURN_NONE;
}

static PyObject *raise(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyErr_SetString(PyExc_ValueError, "on purpose");
    return NULL;
}

/* 2 to the 100th, by Python's own arithmetic. */
static PyObject *power(PyObject *self, PyObject *unused)
{
    PyObject *two = PyLong_FromLong(2), *hundred = PyLong_FromLong(100);
    (void)self, (void)unused;
    PyObject *result = two && hundred ? PyNumber_Power(two, hundred, Py_None) : NULL;
    Py_XDECREF(two);
    Py_XDECREF(hundred);
    return result;
}

/* Whether the addresses in the type are those of the type that is passed. */
static PyObject *type_is(PyObject *self, PyObject *object)
{
    (void)self;
    return PyBool_FromLong(box_type.tp_base == (PyTypeObject *)object
                           && box_type.tp_getattro == ((PyTypeObject *)object)->tp_getattro);
}

static PyMethodDef methods[] = {
    { "none", none, METH_NOARGS, NULL },
    { "power", power, METH_NOARGS, NULL },
    { "throw", raise, METH_NOARGS, NULL },
    { "type_is", type_is, METH_O, NULL },
    { NULL, NULL, 0, NULL }
};

static struct PyModuleDef definition = { PyModuleDef_HEAD_INIT, .m_name = "probe", .m_size = -1,
                                         .m_methods = methods };

PyMODINIT_FUNC PyInit_probe(void)
{
    if (PyType_Ready(&box_type))
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddObjectRef(module, "Box", (PyObject *)&box_type)) {
        Py_CLEAR(module);
    }
    return module;
}
