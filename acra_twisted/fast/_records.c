/* Records of TLS, without what cffi does around a call that never waits: arguments that are
 * converted, the interpreter's lock given up and taken back.  OpenSSL is the one that cryptography
 * brings, called by the addresses of its functions: see transport/native/records.py.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <limits.h>

/* The plaintext of a record is no longer than this: one call, one record. */
#define RECORD (16 * 1024)
/* Full records read before somebody else has a turn. */
#define RECORDS 4

typedef int (*Reading)(void *ssl, void *buffer, int size);
typedef int (*Writing)(void *ssl, const void *data, int size);

typedef struct {
    PyObject_HEAD
    void *ssl;
    Reading ssl_read;
    Writing ssl_write;
    PyObject *read_failed;
    PyObject *send_failed;
} Records;

/* Where records are read to: one for all, for the lock is held meanwhile. */
static char plain[RECORDS * RECORD];
/* OpenSSL is reading to it.  What it calls may be Python, which must not read then. */
static int reading = 0;

/* Ask what a failed call means; 0 if it may be passed over. */
static int
ask(PyObject *failed, int result, Py_ssize_t done, int error)
{
    PyObject *answer = PyObject_CallFunction(failed, "ini", result, done, error);

    if (answer == NULL)
        return -1;
    Py_DECREF(answer);
    if (done == 0) {
        PyErr_SetString(PyExc_RuntimeError, "a call that did nothing has no reason");
        return -1;
    }
    return 0;
}

static int
is_open(Records *self)
{
    if (self->ssl != NULL)
        return 1;
    errno = EBADF;
    PyErr_SetFromErrno(PyExc_OSError);
    return 0;
}

static PyObject *
records_read(Records *self, PyObject *Py_UNUSED(ignored))
{
    int whole = 0, size, error, done = 0;
    void *ssl = self->ssl;
    PyObject *failed;

    if (!is_open(self))
        return NULL;
    if (reading) {
        PyErr_SetString(PyExc_RuntimeError, "records are being read");
        return NULL;
    }
    /* It holds the connection, which Python may let go within OpenSSL's call. */
    failed = Py_NewRef(self->read_failed);
    do {
        reading = 1;
        errno = 0;
        size = self->ssl_read(ssl, plain + whole, RECORD);
        error = errno;
        reading = 0;
        if (size <= 0) {
            done = ask(failed, size, whole, error);
            break;
        }
        whole += size;
    } while (size == RECORD && whole < RECORDS * RECORD);
    Py_DECREF(failed);
    return done < 0 ? NULL : PyBytes_FromStringAndSize(plain, whole);
}

static PyObject *
records_send(Records *self, PyObject *data)
{
    Py_buffer view;
    Py_ssize_t sent = 0;
    int done = 0;
    void *ssl = self->ssl;
    PyObject *failed;

    if (!is_open(self) || PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    failed = Py_NewRef(self->send_failed);
    while (sent < view.len) {
        Py_ssize_t left = view.len - sent;
        int size, error;

        errno = 0;
        size = self->ssl_write(ssl, (const char *)view.buf + sent,
                               left < INT_MAX ? (int)left : INT_MAX);
        error = errno;
        if (size <= 0) {
            done = ask(failed, size, sent, error);
            break;
        }
        sent += size;
    }
    Py_DECREF(failed);
    PyBuffer_Release(&view);
    return done < 0 ? NULL : PyLong_FromSsize_t(sent);
}

static int
records_traverse(Records *self, visitproc visit, void *arg)
{
    Py_VISIT(self->read_failed);
    Py_VISIT(self->send_failed);
    return 0;
}

static int
records_clear(Records *self)
{
    self->ssl = NULL;
    Py_CLEAR(self->read_failed);
    Py_CLEAR(self->send_failed);
    return 0;
}

static void
records_dealloc(Records *self)
{
    PyObject_GC_UnTrack(self);
    records_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
records_forget(Records *self, PyObject *Py_UNUSED(ignored))
{
    records_clear(self);
    Py_RETURN_NONE;
}

static int
records_init(Records *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"ssl", "ssl_read", "ssl_write", "read_failed", "send_failed", NULL};
    unsigned long long ssl, ssl_read, ssl_write;
    PyObject *read_failed, *send_failed;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "KKKOO:Records", names, &ssl, &ssl_read,
                                     &ssl_write, &read_failed, &send_failed))
        return -1;
    if (ssl == 0 || ssl_read == 0 || ssl_write == 0) {
        PyErr_SetString(PyExc_ValueError, "an address is missing");
        return -1;
    }
    records_clear(self);
    self->ssl = (void *)(uintptr_t)ssl;
    self->ssl_read = (Reading)(uintptr_t)ssl_read;
    self->ssl_write = (Writing)(uintptr_t)ssl_write;
    Py_INCREF(read_failed);
    self->read_failed = read_failed;
    Py_INCREF(send_failed);
    self->send_failed = send_failed;
    return 0;
}

static PyMethodDef records_methods[] = {
    {"read", (PyCFunction)records_read, METH_NOARGS, NULL},
    {"send", (PyCFunction)records_send, METH_O, NULL},
    {"forget", (PyCFunction)records_forget, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject RecordsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._records.Records",
    .tp_basicsize = sizeof(Records),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)records_init,
    .tp_dealloc = (destructor)records_dealloc,
    .tp_traverse = (traverseproc)records_traverse,
    .tp_clear = (inquiry)records_clear,
    .tp_methods = records_methods,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._records",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__records(void)
{
    PyObject *made;

    made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddType(made, &RecordsType) < 0)
        Py_CLEAR(made);
    return made;
}
