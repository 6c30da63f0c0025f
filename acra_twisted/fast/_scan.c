/* Passes over the bytes of statements and of results.  Their readable twins are
 * sql/skeleton.py's split_by_expressions and crypto/search.py's by_python: for every input both
 * return the same, which property tests compare where this is compiled.  Measured in
 * docs/performance-notes.rst.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

/* Marks in a skeleton, as in sql/skeleton.py. */
#define STRING_MARK 1
#define NAME_MARK 2
#define NUMBER_MARK 4
/* Texts of no more bytes are cut without a buffer from the heap. */
#define SHORT 1024

/* contains_any(data, needles, start, end) */
static PyObject *
contains_any(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t start, end, i;
    const char *data;

    if (nargs != 4 || !PyBytes_Check(args[0]) || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "contains_any takes bytes, a tuple of bytes, two numbers");
        return NULL;
    }
    start = PyLong_AsSsize_t(args[2]);
    end = PyLong_AsSsize_t(args[3]);
    if ((start == -1 || end == -1) && PyErr_Occurred())
        return NULL;
    if (start < 0 || end < start || end > PyBytes_GET_SIZE(args[0])) {
        PyErr_SetString(PyExc_ValueError, "no such bounds");
        return NULL;
    }
    data = PyBytes_AS_STRING(args[0]);
    for (i = 0; i < PyTuple_GET_SIZE(args[1]); i++) {
        PyObject *needle = PyTuple_GET_ITEM(args[1], i);
        if (!PyBytes_Check(needle)) {
            PyErr_SetString(PyExc_TypeError, "a needle is bytes");
            return NULL;
        }
        if (memmem(data + start, (size_t)(end - start), PyBytes_AS_STRING(needle),
                   (size_t)PyBytes_GET_SIZE(needle)) != NULL)
            Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

static int
is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

/* A number neither follows such a byte nor is followed by one. */
static int
is_word(unsigned char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
        || byte == '_' || byte == '$' || byte == '.' || byte >= 0x80;
}

/* The end of the number at `at`; negated, where to go on if there is none. */
static Py_ssize_t
number_end(const unsigned char *text, Py_ssize_t at, Py_ssize_t size)
{
    Py_ssize_t end = at + 1;

    while (end < size && is_digit(text[end]))
        end++;
    if (at > 0 && is_word(text[at - 1]))
        return -end;
    if (end + 1 < size && text[end] == '.' && is_digit(text[end + 1])) {
        end += 2;
        while (end < size && is_digit(text[end]))
            end++;
    }
    return end < size && is_word(text[end]) ? -end : end;
}

/* The end of the string or quoted name at `at`, behind its closing quote; 0 if there is none, -1 if
 * a byte in it would forge a mark.  Tells of bytes beyond ASCII. */
static Py_ssize_t
quoted_end(const unsigned char *text, Py_ssize_t at, Py_ssize_t size, int *beyond_ascii)
{
    unsigned char quote = text[at], byte;
    Py_ssize_t end;

    for (end = at + 1; end < size; end++) {
        byte = text[end];
        if (byte == quote)
            return end + 1;
        if (byte == '\\' || byte == 0)
            return 0;
        if (byte >= 0x80)
            *beyond_ascii = 1;
        else if (byte < 5 && byte != 3)
            return -1;
    }
    return 0;
}

/* cut(text, quote): the key, the literals in order of appearance, and what plainness is judged by;
 * None where only the full lexer can tell.  `quote` is the number of the byte around names. */
static PyObject *
cut(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    /* The key and what is judged: neither is longer than the text. */
    char on_stack[2 * SHORT], *key, *judged;
    Py_ssize_t size, at = 0, done = 0, end, keyed = 0, told = 0;
    PyObject *literals = NULL, *whole = NULL, *shown = NULL, *result = NULL;
    const unsigned char *text;
    int beyond_ascii = 0, names = 0;
    long quote;

    if (nargs != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "cut takes bytes and a byte's number");
        return NULL;
    }
    quote = PyLong_AsLong(args[1]);
    if (quote == -1 && PyErr_Occurred())
        return NULL;
    text = (const unsigned char *)PyBytes_AS_STRING(args[0]);
    size = PyBytes_GET_SIZE(args[0]);
    key = size <= SHORT ? on_stack : PyMem_Malloc(2 * (size_t)size);
    if (key == NULL)
        return PyErr_NoMemory();
    judged = key + size;
    literals = PyList_New(0);
    if (literals == NULL)
        goto done;
    while (at < size) {
        unsigned char byte = text[at];
        /* Letters, most signs: nothing begins with them. */
        if ((byte > '9' && byte < 0x60) || (byte > 0x60 && byte < 0x80)) {
            at++;
            continue;
        }
        end = 0;
        if (byte == '\'' || byte == quote) {
            end = quoted_end(text, at, size, &beyond_ascii);
            if (end < 0)
                goto none;
            if (byte == quote && end == at + 2)
                end = 0;
        } else if (is_digit(byte)) {
            end = number_end(text, at, size);
            if (end < 0) {
                at = -end;
                continue;
            }
        } else if (byte >= 0x80) {
            beyond_ascii = 1;
        } else if (byte < 5 && byte != 3 && byte != 0) {
            /* Raw marks would forge keys. */
            goto none;
        }
        if (end == 0) {
            at++;
            continue;
        }
        memcpy(key + keyed, text + done, (size_t)(at - done));
        memcpy(judged + told, text + done, (size_t)(at - done));
        keyed += at - done;
        told += at - done;
        if (byte == quote) {
            memcpy(key + keyed, text + at, (size_t)(end - at));
            keyed += end - at;
            judged[told++] = NAME_MARK;
            names = 1;
        } else {
            PyObject *literal
                = PyBytes_FromStringAndSize((const char *)text + at, end - at);
            if (literal == NULL || PyList_Append(literals, literal) < 0) {
                Py_XDECREF(literal);
                goto done;
            }
            Py_DECREF(literal);
            key[keyed++] = judged[told++] = byte == '\'' ? STRING_MARK : NUMBER_MARK;
        }
        done = at = end;
    }
    if (beyond_ascii) {
        PyObject *decoded = PyUnicode_DecodeUTF8((const char *)text, size, NULL);
        if (decoded == NULL) {
            if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
                goto done;
            PyErr_Clear();
            goto none;
        }
        Py_DECREF(decoded);
    }
    memcpy(key + keyed, text + done, (size_t)(size - done));
    memcpy(judged + told, text + done, (size_t)(size - done));
    whole = PyBytes_FromStringAndSize(key, keyed + size - done);
    if (whole == NULL)
        goto done;
    shown = names ? PyBytes_FromStringAndSize(judged, told + size - done) : Py_NewRef(whole);
    if (shown != NULL)
        result = PyTuple_Pack(3, whole, literals, shown);
    goto done;
none:
    result = Py_NewRef(Py_None);
done:
    Py_XDECREF(literals);
    Py_XDECREF(whole);
    Py_XDECREF(shown);
    if (key != on_stack)
        PyMem_Free(key);
    return result;
}

static PyMethodDef functions[] = {
    {"contains_any", (PyCFunction)(void (*)(void))contains_any, METH_FASTCALL, NULL},
    {"cut", (PyCFunction)(void (*)(void))cut, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._scan",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__scan(void)
{
    return PyModule_Create(&module);
}
