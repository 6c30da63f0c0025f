/* Writes statements anew by what is known of others that differ from them in their literals alone.
 * Its readable twin is encryption/postgresql/templates.py's TemplateByPython: for every input both
 * return the same, which property tests compare where this is compiled.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "literals.h"

/* Literals of a text, and values in the one that is written, at most. */
#define MOST 32
/* In place of a maker's number: a literal stays as it is. */
#define AS_IT_IS -1

/* A text between `count` values: each is a literal of the client's text by its ordinal. */
typedef struct {
    PyObject_HEAD
    PyObject *key, *pieces;
    int count;
    signed char ordinals[MOST], makers[MOST];
} Template;

/* The number of literals in a key. */
static Py_ssize_t
literals_of(PyObject *key)
{
    const char *at = PyBytes_AS_STRING(key), *end = at + PyBytes_GET_SIZE(key);
    Py_ssize_t found = 0;

    for (; at < end; at++)
        found += *at == STRING_MARK || *at == NUMBER_MARK;
    return found;
}

/* Take in small numbers, each at least `least` and below `limit`. */
static int
take_numbers(signed char *to, PyObject *numbers, long least, long limit)
{
    Py_ssize_t i;

    for (i = 0; i < PyTuple_GET_SIZE(numbers); i++) {
        long number = PyLong_AsLong(PyTuple_GET_ITEM(numbers, i));
        if (number == -1 && PyErr_Occurred())
            return -1;
        if (number < least || number >= limit) {
            PyErr_SetString(PyExc_ValueError, "a number is out of range");
            return -1;
        }
        to[i] = (signed char)number;
    }
    return 0;
}

static void
template_dealloc(Template *self)
{
    Py_CLEAR(self->key);
    Py_CLEAR(self->pieces);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Template(key, pieces, ordinals, makers) */
static PyObject *
template_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *key, *pieces, *ordinals, *makers;
    Py_ssize_t literals, count, i;
    Template *self;

    if (!PyArg_ParseTuple(args, "SO!O!O!:Template", &key, &PyTuple_Type, &pieces, &PyTuple_Type,
                          &ordinals, &PyTuple_Type, &makers))
        return NULL;
    literals = literals_of(key);
    count = PyTuple_GET_SIZE(ordinals);
    if (literals > MOST || count > MOST || PyTuple_GET_SIZE(makers) != count
        || PyTuple_GET_SIZE(pieces) != count + 1) {
        PyErr_SetString(PyExc_ValueError, "a text of other parts is expected");
        return NULL;
    }
    for (i = 0; i <= count; i++)
        if (!PyBytes_Check(PyTuple_GET_ITEM(pieces, i))) {
            PyErr_SetString(PyExc_TypeError, "a piece is bytes");
            return NULL;
        }
    self = (Template *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->key = Py_NewRef(key);
    self->pieces = Py_NewRef(pieces);
    self->count = (int)count;
    if (take_numbers(self->ordinals, ordinals, 0, (long)literals) < 0
        || take_numbers(self->makers, makers, AS_IT_IS, MOST) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/* The bytes that a maker makes of a string: a new reference; NULL without an exception if there are
 * none, for a number, the empty string, or where the maker has none. */
static PyObject *
made_of(const struct literal *literal, PyObject *makers, Py_ssize_t number)
{
    PyObject *value, *made;

    if (literal->start[0] != '\'' || literal->end - literal->start <= 2
        || number >= PyTuple_GET_SIZE(makers))
        return NULL;
    value = PyBytes_FromStringAndSize((const char *)literal->start + 1,
                                      literal->end - literal->start - 2);
    if (value == NULL)
        return NULL;
    made = PyObject_CallOneArg(PyTuple_GET_ITEM(makers, number), value);
    Py_DECREF(value);
    if (made != NULL && !PyBytes_Check(made))
        Py_CLEAR(made);
    return made;
}

/* Put the pieces together, and the values between them. */
static PyObject *
joined(const Template *self, const struct literal *literals, PyObject *const *values)
{
    PyObject *written;
    Py_ssize_t size = 0;
    char *at;
    int i;

    for (i = 0; i <= self->count; i++)
        size += PyBytes_GET_SIZE(PyTuple_GET_ITEM(self->pieces, i));
    for (i = 0; i < self->count; i++) {
        const struct literal *literal = literals + self->ordinals[i];
        /* A made one is no longer than memory has room for: its digits may be. */
        if (values[i] != NULL && PyBytes_GET_SIZE(values[i]) > PY_SSIZE_T_MAX / 2 / MOST)
            return PyErr_NoMemory();
        size += values[i] == NULL ? literal->end - literal->start
                                  : 2 * PyBytes_GET_SIZE(values[i]);
    }
    written = PyBytes_FromStringAndSize(NULL, size);
    if (written == NULL)
        return NULL;
    at = PyBytes_AS_STRING(written);
    for (i = 0; i <= self->count; i++) {
        PyObject *piece = PyTuple_GET_ITEM(self->pieces, i);
        memcpy(at, PyBytes_AS_STRING(piece), (size_t)PyBytes_GET_SIZE(piece));
        at += PyBytes_GET_SIZE(piece);
        if (i == self->count)
            break;
        if (values[i] == NULL) {
            const struct literal *literal = literals + self->ordinals[i];
            memcpy(at, literal->start, (size_t)(literal->end - literal->start));
            at += literal->end - literal->start;
        } else {
            write_hex(at, PyBytes_AS_STRING(values[i]), PyBytes_GET_SIZE(values[i]));
            at += 2 * PyBytes_GET_SIZE(values[i]);
        }
    }
    return written;
}

/* write(text, makers): the text with what `makers` make of the values of its strings, as digits;
 * None for a text of another key, or with a value that is no plain string, or of which nothing is
 * made. */
static PyObject *
template_write(Template *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct literal literals[MOST];
    PyObject *values[MOST], *written = NULL;
    int i, missing = 0;

    if (nargs != 2 || !PyBytes_Check(args[0]) || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "write takes bytes and a tuple");
        return NULL;
    }
    if (!has_key(args[0], self->key, literals))
        Py_RETURN_NONE;
    for (i = 0; i < self->count && !missing; i++) {
        values[i] = NULL;
        if (self->makers[i] == AS_IT_IS)
            continue;
        values[i] = made_of(literals + self->ordinals[i], args[1], self->makers[i]);
        missing = values[i] == NULL;
    }
    if (!missing)
        written = joined(self, literals, values);
    else if (!PyErr_Occurred())
        written = Py_NewRef(Py_None);
    while (i-- > 0)
        Py_XDECREF(values[i]);
    return written;
}

static PyMethodDef template_methods[] = {
    {"write", (PyCFunction)(void (*)(void))template_write, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject TemplateType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._templates.Template",
    .tp_basicsize = sizeof(Template),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = template_new,
    .tp_dealloc = (destructor)template_dealloc,
    .tp_methods = template_methods,
};

/* Texts are told apart by so many bytes at most, up to their first literal. */
#define LOOKED_AT 64
/* So many beginnings of texts are kept, 1 << BITS, each in a place of its own. */
#define BITS 8

/* A beginning of texts, and what is kept for them. */
struct kept {
    uint64_t beginning;
    PyObject *what;
};

typedef struct {
    PyObject_HEAD
    struct kept places[1 << BITS];
} Beginnings;

/* What ends a beginning, in a text or its key. */
static const unsigned char ENDS[256] = {
    [STRING_MARK] = 1, [NUMBER_MARK] = 1, ['\''] = 1, ['0' ... '9'] = 1,
};

/* A number for the beginning of a text or a key, never zero. */
static uint64_t
beginning_of(PyObject *whole)
{
    const unsigned char *text = (const unsigned char *)PyBytes_AS_STRING(whole);
    Py_ssize_t size = PyBytes_GET_SIZE(whole), end = 0, at;
    uint64_t mixed = 1, part;

    if (size > LOOKED_AT)
        size = LOOKED_AT;
    while (end < size && !ENDS[text[end]])
        end++;
    for (at = 0; at + 8 <= end; at += 8) {
        memcpy(&part, text + at, 8);
        mixed = (mixed ^ part) * 0x9e3779b97f4a7c15u;
        mixed ^= mixed >> 32;
    }
    for (part = (uint64_t)end; at < end; at++)
        part = part << 8 | text[at];
    mixed = (mixed ^ part) * 0x9e3779b97f4a7c15u;
    return mixed ? mixed : 1;
}

static struct kept *
place_of(Beginnings *self, uint64_t beginning)
{
    return &self->places[beginning >> (64 - BITS)];
}

/* find(text): what was kept last for texts that begin so up to their first literal; None if
 * nothing was. */
static PyObject *
beginnings_find(Beginnings *self, PyObject *text)
{
    const struct kept *kept;
    uint64_t beginning;

    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "find takes bytes");
        return NULL;
    }
    beginning = beginning_of(text);
    kept = place_of(self, beginning);
    return Py_NewRef(kept->beginning == beginning && kept->what != NULL ? kept->what : Py_None);
}

/* keep(key, what): keep something for texts with the beginning of a key. */
static PyObject *
beginnings_keep(Beginnings *self, PyObject *const *args, Py_ssize_t nargs)
{
    struct kept *kept;
    PyObject *before;
    uint64_t beginning;

    if (nargs != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "keep takes bytes and an object");
        return NULL;
    }
    beginning = beginning_of(args[0]);
    kept = place_of(self, beginning);
    before = kept->what;
    kept->beginning = beginning;
    kept->what = Py_NewRef(args[1]);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

static int
beginnings_traverse(Beginnings *self, visitproc visit, void *arg)
{
    int i;

    for (i = 0; i < 1 << BITS; i++)
        Py_VISIT(self->places[i].what);
    return 0;
}

static int
beginnings_clear(Beginnings *self)
{
    int i;

    for (i = 0; i < 1 << BITS; i++)
        Py_CLEAR(self->places[i].what);
    return 0;
}

static void
beginnings_dealloc(Beginnings *self)
{
    PyObject_GC_UnTrack(self);
    beginnings_clear(self);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef beginnings_methods[] = {
    {"find", (PyCFunction)beginnings_find, METH_O, NULL},
    {"keep", (PyCFunction)(void (*)(void))beginnings_keep, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject BeginningsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._templates.Beginnings",
    .tp_basicsize = sizeof(Beginnings),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_traverse = (traverseproc)beginnings_traverse,
    .tp_clear = (inquiry)beginnings_clear,
    .tp_dealloc = (destructor)beginnings_dealloc,
    .tp_methods = beginnings_methods,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._templates",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__templates(void)
{
    PyObject *made;

    made = PyModule_Create(&module);
    if (made != NULL
        && (PyModule_AddType(made, &TemplateType) < 0 || PyModule_AddType(made, &BeginningsType) < 0))
        Py_CLEAR(made);
    return made;
}
