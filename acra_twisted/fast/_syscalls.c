/* Reading, writing, waiting and the time, without what Python's socket, select and time modules do
 * around a system call that never waits: giving up and taking back the interpreter's lock, tuples of
 * arguments, 64 KiB of fresh memory for a hundred bytes.  Where nothing is compiled syscalls.py uses
 * those modules.  Measured in docs/performance.rst.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <math.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* What is as short as this is copied; the buffer it was read to is for the next. */
#define COPIED 4096
/* Events told of at a time, at most. */
#define EVENTS 256

/* The C library takes each of its own calls for one that may be cancelled, once a process has ever
 * had a second thread: two locked instructions for each.  None of ours is.
 */
#if defined SYS_recvfrom && defined SYS_sendto
#define RECEIVE(fd, data, size, flags) syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL)
#define SEND(fd, data, size, flags) syscall(SYS_sendto, fd, data, size, flags, NULL, 0)
#else
#define RECEIVE recv
#define SEND send
#endif
#ifdef SYS_epoll_wait
#define WAIT(fd, events, most, time) (int)syscall(SYS_epoll_wait, fd, events, most, time)
#else
#define WAIT epoll_wait
#endif

typedef struct {
    PyObject_HEAD
    int fd;
} Descriptor;

/* Where the next bytes are read to: one for all, for the lock is held meanwhile. */
static PyObject *spare = NULL;
static Py_ssize_t spare_size = 0;

static PyObject *
descriptor_recv(Descriptor *self, PyObject *argument)
{
    Py_ssize_t size = PyLong_AsSsize_t(argument);
    ssize_t count;
    PyObject *data;

    if (size == -1 && PyErr_Occurred())
        return NULL;
    if (size <= 0) {
        PyErr_SetString(PyExc_ValueError, "a size is positive");
        return NULL;
    }
    if (spare == NULL || spare_size != size) {
        Py_CLEAR(spare);
        spare = PyBytes_FromStringAndSize(NULL, size);
        if (spare == NULL)
            return NULL;
        spare_size = size;
    }
    do
        count = RECEIVE(self->fd, PyBytes_AS_STRING(spare), (size_t)size, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    if (count <= COPIED && count < size)
        return PyBytes_FromStringAndSize(PyBytes_AS_STRING(spare), count);
    data = spare;
    spare = NULL;
    if (count < size && _PyBytes_Resize(&data, count) < 0)
        return NULL;
    return data;
}

static PyObject *
descriptor_send(Descriptor *self, PyObject *data)
{
    Py_buffer view;
    ssize_t count;

    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    do
        count = SEND(self->fd, view.buf, (size_t)view.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        PyErr_SetFromErrno(PyExc_OSError);
    PyBuffer_Release(&view);
    return count < 0 ? NULL : PyLong_FromSsize_t(count);
}

static PyObject *
descriptor_poll(Descriptor *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct epoll_event events[EVENTS];
    double seconds;
    Py_ssize_t most;
    int count, i;
    PyObject *found;

    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "poll takes seconds and a number of events");
        return NULL;
    }
    seconds = PyFloat_AsDouble(args[0]);
    most = PyLong_AsSsize_t(args[1]);
    if ((seconds == -1.0 || most == -1) && PyErr_Occurred())
        return NULL;
    if (!(seconds >= 0.0 && seconds < 3600.0) || most <= 0) {
        PyErr_SetString(PyExc_ValueError, "no such time, or no such number of events");
        return NULL;
    }
    if (most > EVENTS)
        most = EVENTS;
    if (seconds == 0.0) {
        count = WAIT(self->fd, events, (int)most, 0);
    } else {
        Py_BEGIN_ALLOW_THREADS
        count = WAIT(self->fd, events, (int)most, (int)ceil(seconds * 1000.0));
        Py_END_ALLOW_THREADS
    }
    if (count < 0) {
        if (errno != EINTR)
            return PyErr_SetFromErrno(PyExc_OSError);
        count = 0;
    }
    found = PyList_New(count);
    if (found == NULL)
        return NULL;
    for (i = 0; i < count; i++) {
        /* By hand: Py_BuildValue reads a format for each. */
        PyObject *fd = PyLong_FromLong(events[i].data.fd);
        PyObject *mask = PyLong_FromUnsignedLong(events[i].events);
        PyObject *event = PyTuple_New(2);
        if (fd == NULL || mask == NULL || event == NULL) {
            Py_XDECREF(fd);
            Py_XDECREF(mask);
            Py_XDECREF(event);
            Py_DECREF(found);
            return NULL;
        }
        PyTuple_SET_ITEM(event, 0, fd);
        PyTuple_SET_ITEM(event, 1, mask);
        PyList_SET_ITEM(found, i, event);
    }
    return found;
}

static PyObject *
descriptor_forget(Descriptor *self, PyObject *Py_UNUSED(ignored))
{
    self->fd = -1;
    Py_RETURN_NONE;
}

static int
descriptor_init(Descriptor *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"fd", NULL};

    return PyArg_ParseTupleAndKeywords(args, kwargs, "i:Descriptor", names, &self->fd) ? 0 : -1;
}

static PyMethodDef descriptor_methods[] = {
    {"recv", (PyCFunction)descriptor_recv, METH_O, NULL},
    {"send", (PyCFunction)descriptor_send, METH_O, NULL},
    {"poll", (PyCFunction)(void (*)(void))descriptor_poll, METH_FASTCALL, NULL},
    {"forget", (PyCFunction)descriptor_forget, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject DescriptorType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._syscalls.Descriptor",
    .tp_basicsize = sizeof(Descriptor),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)descriptor_init,
    .tp_methods = descriptor_methods,
};

typedef struct {
    PyObject_HEAD
    long long offset;
} Clock;

static PyObject *
clock_now(Clock *self, PyObject *Py_UNUSED(ignored))
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromLongLong(self->offset + (long long)now.tv_sec * 1000000000 + now.tv_nsec);
}

static int
clock_init(Clock *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"offset", NULL};

    return PyArg_ParseTupleAndKeywords(args, kwargs, "L:Clock", names, &self->offset) ? 0 : -1;
}

static PyMethodDef clock_methods[] = {
    {"now", (PyCFunction)clock_now, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject ClockType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._syscalls.Clock",
    .tp_basicsize = sizeof(Clock),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)clock_init,
    .tp_methods = clock_methods,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._syscalls",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__syscalls(void)
{
    PyObject *made;

    made = PyModule_Create(&module);
    if (made != NULL
        && (PyModule_AddType(made, &DescriptorType) < 0 || PyModule_AddType(made, &ClockType) < 0))
        Py_CLEAR(made);
    return made;
}
