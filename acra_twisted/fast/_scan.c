/* Passes over the bytes of statements and of results.  Their readable twins are
 * sql/skeleton.py's split_by_expressions, crypto/search.py's by_python, bytes.find,
 * wire/link/tracecontext.py's plain_by_python and sql/comments.py's tail_by_python: for every input
 * both return the same, which property tests compare where this is compiled.  Measured in
 * docs/performance-notes.rst.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "literals.h"

/* The mark of a name in a skeleton, as in sql/skeleton.py. */
#define NAME_MARK 2
/* Texts of no more bytes are cut without a buffer from the heap. */
#define SHORT 1024

/* Whether a needle is there.  memmem looks at each byte, or each few: what stands before the needle's
 * first byte is passed by memchr, which looks at 32 at once. */
static int
contains(const char *data, size_t size, const char *needle, size_t length)
{
    const char *first;

    if (length == 0)
        return 1;
    first = memchr(data, needle[0], size);
    return first != NULL && memmem(first, size - (size_t)(first - data), needle, length) != NULL;
}

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
        if (contains(data + start, (size_t)(end - start), PyBytes_AS_STRING(needle),
                     (size_t)PyBytes_GET_SIZE(needle)))
            Py_RETURN_TRUE;
    }
    Py_RETURN_FALSE;
}

static int
is_digit(unsigned char byte)
{
    return (unsigned char)(byte - '0') < 10;
}

/* A number neither follows such a byte nor is followed by one. */
static const unsigned char IN_WORD[256] = {
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['_'] = 1, ['$'] = 1, ['.'] = 1,
    [0x80 ... 0xff] = 1,
};

static int
is_word(unsigned char byte)
{
    return IN_WORD[byte];
}

/* Bytes by which a skeleton's buffer is longer than what it is for. */
#define SPARE 16

/* Copy a run, which is short as a rule: behind `from` there are so many bytes `left`, and behind `to`
 * some to spare. */
static void
copy_run(char *to, const unsigned char *from, size_t size, size_t left)
{
    if (size <= SPARE && left >= SPARE)
        /* No call: the size is known. */
        memcpy(to, from, SPARE);
    else
        memcpy(to, from, size);
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

/* What is looked at in a string or a quoted name: its end, backslashes, marks and zeros, bytes beyond
 * ASCII. */
static const unsigned char ODD[256] = {
    [0x00 ... 0x02] = 1, [0x04] = 1, ['"'] = 1, ['\''] = 1, ['`'] = 1, ['\\'] = 1,
    [0x80 ... 0xff] = 1,
};

/* The end of the string or quoted name at `at`, behind its closing quote; 0 if there is none, -1 if
 * a byte in it would forge a mark.  Tells of bytes beyond ASCII.  A string may have backslashes if
 * these are `ordinary`, but not before its closing quote. */
static Py_ssize_t
quoted_end(const unsigned char *text, Py_ssize_t at, Py_ssize_t size, int ordinary,
           int *beyond_ascii)
{
    unsigned char quote = text[at], byte;
    Py_ssize_t end;

    for (end = at + 1; end < size; end++) {
        while (end + 4 < size
               && !(ODD[text[end]] | ODD[text[end + 1]] | ODD[text[end + 2]] | ODD[text[end + 3]]))
            end += 4;
        byte = text[end];
        if (byte == quote)
            return text[end - 1] == '\\' ? 0 : end + 1;
        if ((byte == '\\' && !ordinary) || byte == 0)
            return 0;
        if (byte >= 0x80)
            *beyond_ascii = 1;
        else if (byte < 5 && byte != 3)
            return -1;
    }
    return 0;
}

/* What ends a run of bytes with which nothing begins: quotes, digits, bytes beyond ASCII, marks. */
static const unsigned char STOPS[256] = {
    [0x01] = 1, [0x02] = 1, [0x04] = 1, ['"'] = 1, ['\''] = 1, ['`'] = 1,
    ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1,
    ['8'] = 1, ['9'] = 1, [0x80 ... 0xff] = 1,
};

/* A text with its literals cut out, as far as it is read. */
struct skeleton {
    /* Neither is longer than the text, and each has SPARE bytes more; `judged` and `literals` may be
     * NULL: nobody wants them. */
    char *key, *judged;
    PyObject *literals;
    Py_ssize_t keyed, told;
    int names;
};

/* Cut the literals out: 1, 0 where only the full lexer can tell, -1 with an exception. */
static int
scan(const unsigned char *text, Py_ssize_t size, unsigned char quote, struct skeleton *made)
{
    Py_ssize_t at = 0, done = 0, end;
    int beyond_ascii = 0;

    while (at < size) {
        unsigned char byte = text[at];
        if (!STOPS[byte]) {
            at++;
            continue;
        }
        end = 0;
        if (byte == '\'' || byte == quote) {
            end = quoted_end(text, at, size, byte == '\'' && quote == '"', &beyond_ascii);
            if (end < 0)
                return 0;
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
        } else if (byte < 5 && byte != 0) {
            /* Raw marks would forge keys. */
            return 0;
        }
        if (end == 0) {
            at++;
            continue;
        }
        copy_run(made->key + made->keyed, text + done, (size_t)(at - done), (size_t)(size - done));
        made->keyed += at - done;
        if (made->judged != NULL) {
            copy_run(made->judged + made->told, text + done, (size_t)(at - done),
                     (size_t)(size - done));
            made->told += at - done;
        }
        if (byte == quote) {
            memcpy(made->key + made->keyed, text + at, (size_t)(end - at));
            made->keyed += end - at;
            if (made->judged != NULL)
                made->judged[made->told++] = NAME_MARK;
            made->names = 1;
        } else {
            char mark = byte == '\'' ? STRING_MARK : NUMBER_MARK;
            made->key[made->keyed++] = mark;
            if (made->judged != NULL)
                made->judged[made->told++] = mark;
            if (made->literals != NULL) {
                PyObject *literal
                    = PyBytes_FromStringAndSize((const char *)text + at, end - at);
                if (literal == NULL || PyList_Append(made->literals, literal) < 0) {
                    Py_XDECREF(literal);
                    return -1;
                }
                Py_DECREF(literal);
            }
        }
        done = at = end;
    }
    if (beyond_ascii) {
        PyObject *decoded = PyUnicode_DecodeUTF8((const char *)text, size, NULL);
        if (decoded == NULL) {
            if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
                return -1;
            PyErr_Clear();
            return 0;
        }
        Py_DECREF(decoded);
    }
    memcpy(made->key + made->keyed, text + done, (size_t)(size - done));
    made->keyed += size - done;
    if (made->judged != NULL) {
        memcpy(made->judged + made->told, text + done, (size_t)(size - done));
        made->told += size - done;
    }
    return 1;
}

/* The number of the byte around names; -1 with an exception. */
static long
quote_of(PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "expected bytes and a byte's number");
        return -1;
    }
    return PyLong_AsLong(args[1]);
}

/* cut(text, quote): the key, the literals in order of appearance, and what plainness is judged by;
 * None where only the full lexer can tell.  `quote` is the number of the byte around names. */
static PyObject *
cut(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    char on_stack[2 * (SHORT + SPARE)];
    struct skeleton made = {0};
    PyObject *whole = NULL, *shown = NULL, *result = NULL;
    Py_ssize_t size;
    long quote = quote_of(args, nargs);
    int found;

    if (quote == -1 && PyErr_Occurred())
        return NULL;
    size = PyBytes_GET_SIZE(args[0]);
    made.key = size <= SHORT ? on_stack : PyMem_Malloc(2 * ((size_t)size + SPARE));
    if (made.key == NULL)
        return PyErr_NoMemory();
    made.judged = made.key + size + SPARE;
    made.literals = PyList_New(0);
    if (made.literals == NULL)
        goto done;
    found = scan((const unsigned char *)PyBytes_AS_STRING(args[0]), size, (unsigned char)quote,
                 &made);
    if (found == 0)
        result = Py_NewRef(Py_None);
    if (found != 1)
        goto done;
    whole = PyBytes_FromStringAndSize(made.key, made.keyed);
    if (whole == NULL)
        goto done;
    shown = made.names ? PyBytes_FromStringAndSize(made.judged, made.told) : Py_NewRef(whole);
    if (shown != NULL)
        result = PyTuple_Pack(3, whole, made.literals, shown);
done:
    Py_XDECREF(made.literals);
    Py_XDECREF(whole);
    Py_XDECREF(shown);
    if (made.key != on_stack)
        PyMem_Free(made.key);
    return result;
}

/* cut_key(text, quote): the key alone, or None: see `cut`. */
static PyObject *
cut_key(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    char on_stack[SHORT + SPARE];
    struct skeleton made = {0};
    PyObject *result = NULL;
    Py_ssize_t size;
    long quote = quote_of(args, nargs);
    int found;

    if (quote == -1 && PyErr_Occurred())
        return NULL;
    size = PyBytes_GET_SIZE(args[0]);
    made.key = size <= SHORT ? on_stack : PyMem_Malloc((size_t)size + SPARE);
    if (made.key == NULL)
        return PyErr_NoMemory();
    found = scan((const unsigned char *)PyBytes_AS_STRING(args[0]), size, (unsigned char)quote,
                 &made);
    if (found == 1)
        result = PyBytes_FromStringAndSize(made.key, made.keyed);
    else if (found == 0)
        result = Py_NewRef(Py_None);
    if (made.key != on_stack)
        PyMem_Free(made.key);
    return result;
}

/* find(data, needle): as bytes.find, which takes five times as long before the first byte. */
static PyObject *
find(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    const char *data, *found;

    if (nargs != 2 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "find takes bytes and bytes");
        return NULL;
    }
    data = PyBytes_AS_STRING(args[0]);
    found = memmem(data, (size_t)PyBytes_GET_SIZE(args[0]), PyBytes_AS_STRING(args[1]),
                   (size_t)PyBytes_GET_SIZE(args[1]));
    return PyLong_FromSsize_t(found == NULL ? -1 : found - data);
}

/* Whether it is a lower-case hexadecimal digit. */
static int
is_hex(unsigned char byte)
{
    return (unsigned char)(byte - '0') < 10 || (unsigned char)(byte - 'a') < 6;
}

/* Whether so many such digits are there, not all of them zero. */
static int
is_id(const char *digits, Py_ssize_t size)
{
    /* Without a way out before the end the compiler takes many bytes at once. */
    unsigned char all = 1, any = 0;
    Py_ssize_t i;

    for (i = 0; i < size; i++) {
        all &= (unsigned char)is_hex((unsigned char)digits[i]);
        any |= (unsigned char)(digits[i] ^ '0');
    }
    return all && any;
}

static PyObject *
text_of(const char *digits, Py_ssize_t size)
{
    PyObject *text = PyUnicode_New(size, 127);

    if (text != NULL)
        memcpy(PyUnicode_1BYTE_DATA(text), digits, (size_t)size);
    return text;
}

#define TRACE 3
#define SPAN (TRACE + 32 + 1)
#define FLAGS (SPAN + 16 + 1)

/* Whether a traceparent of version 00 begins there, with `FLAGS` + 2 bytes. */
static int
is_traceparent(const char *at)
{
    return memcmp(at, "00-", TRACE) == 0 && at[SPAN - 1] == '-' && at[FLAGS - 1] == '-'
           && is_id(at + TRACE, 32) && is_id(at + SPAN, 16) && is_hex((unsigned char)at[FLAGS])
           && is_hex((unsigned char)at[FLAGS + 1]);
}

/* A tuple of what `before` is, if it is anything, the ids of a traceparent, and whether it is
 * sampled.  The reference to `before` is taken. */
static PyObject *
parts_of(PyObject *before, const char *at)
{
    unsigned char last = (unsigned char)at[FLAGS + 1];
    int first = before != NULL;
    /* By hand: Py_BuildValue reads a format for each. */
    PyObject *trace = text_of(at + TRACE, 32), *span = text_of(at + SPAN, 16);
    PyObject *found = PyTuple_New(first + 3);

    if (trace == NULL || span == NULL || found == NULL) {
        Py_XDECREF(before);
        Py_XDECREF(trace);
        Py_XDECREF(span);
        Py_XDECREF(found);
        return NULL;
    }
    if (first)
        PyTuple_SET_ITEM(found, 0, before);
    PyTuple_SET_ITEM(found, first, trace);
    PyTuple_SET_ITEM(found, first + 1, span);
    /* Odd digits: of letters it is the other way round. */
    PyTuple_SET_ITEM(found, first + 2, PyBool_FromLong((last <= '9') == (last & 1)));
    return found;
}

/* traceparent(data, start): the ids of a traceparent of version 00 that begins there, and whether
 * it is sampled; None if there is none. */
static PyObject *
traceparent(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    Py_ssize_t start;

    if (nargs != 2 || !PyBytes_Check(args[0])) {
        PyErr_SetString(PyExc_TypeError, "traceparent takes bytes and a number");
        return NULL;
    }
    start = PyLong_AsSsize_t(args[1]);
    if (start == -1 && PyErr_Occurred())
        return NULL;
    if (start < 0 || start > PyBytes_GET_SIZE(args[0]) - (FLAGS + 2)
        || !is_traceparent(PyBytes_AS_STRING(args[0]) + start))
        Py_RETURN_NONE;
    return parts_of(NULL, PyBytes_AS_STRING(args[0]) + start);
}

/* The comment that holds a context and nothing else. */
#define OPEN "/*traceparent='"
#define CLOSE "'*/"
#define COMMENT (sizeof OPEN - 1 + FLAGS + 2 + sizeof CLOSE - 1)
#define KEY "traceparent"

/* What stands before such a comment is looked at where it has one of these. */
static const unsigned char BEFORE[256] = {['#'] = 1, ['/'] = 1, ['-'] = 1, ['t'] = 1};

/* tail_context(text): the text before the context at its very end, without the blank before that,
 * and the context's ids and flag; None if the text has none, or may have more than that: another
 * context, a slash, a comment to the end of a line. */
static PyObject *
tail_context(PyObject *Py_UNUSED(module), PyObject *text)
{
    const unsigned char *at, *comment;
    Py_ssize_t left;
    PyObject *before;

    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "tail_context takes bytes");
        return NULL;
    }
    at = (const unsigned char *)PyBytes_AS_STRING(text);
    left = PyBytes_GET_SIZE(text) - (Py_ssize_t)COMMENT;
    if (left <= 0)
        Py_RETURN_NONE;
    comment = at + left;
    if (memcmp(comment + COMMENT - (sizeof CLOSE - 1), CLOSE, sizeof CLOSE - 1) != 0
        || memcmp(comment, OPEN, sizeof OPEN - 1) != 0
        || !is_traceparent((const char *)comment + sizeof OPEN - 1))
        Py_RETURN_NONE;
    for (; at < comment; at++) {
        if (!BEFORE[*at])
            continue;
        if (*at == '#' || *at == '/' || (*at == '-' && at[1] == '-'))
            Py_RETURN_NONE;
        /* The comment lies behind: nothing is read beyond the text. */
        if (*at == 't' && memcmp(at, KEY, sizeof KEY - 1) == 0)
            Py_RETURN_NONE;
    }
    if (comment[-1] == ' ' || comment[-1] == '\n')
        left--;
    before = PyBytes_FromStringAndSize(PyBytes_AS_STRING(text), left);
    return before == NULL ? NULL : parts_of(before, (const char *)comment + sizeof OPEN - 1);
}

/* has_signs(text): whether a text of MySQL may have a comment in it: '#', '/' or "--". */
static PyObject *
has_signs(PyObject *Py_UNUSED(module), PyObject *text)
{
    const unsigned char *at, *end;

    if (!PyBytes_Check(text)) {
        PyErr_SetString(PyExc_TypeError, "has_signs takes bytes");
        return NULL;
    }
    at = (const unsigned char *)PyBytes_AS_STRING(text);
    end = at + PyBytes_GET_SIZE(text);
    for (; at < end; at++)
        /* A zero follows the last byte. */
        if (BEFORE[*at] && (*at == '#' || *at == '/' || (*at == '-' && at[1] == '-')))
            Py_RETURN_TRUE;
    Py_RETURN_FALSE;
}

/* fits(text, key): whether a text has a key, of a text of digits alone and ASCII: see `has_key`. */
static PyObject *
fits(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 2 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "fits takes bytes twice");
        return NULL;
    }
    return PyBool_FromLong(has_key(args[0], args[1], NULL));
}

static PyMethodDef functions[] = {
    {"contains_any", (PyCFunction)(void (*)(void))contains_any, METH_FASTCALL, NULL},
    {"cut", (PyCFunction)(void (*)(void))cut, METH_FASTCALL, NULL},
    {"cut_key", (PyCFunction)(void (*)(void))cut_key, METH_FASTCALL, NULL},
    {"fits", (PyCFunction)(void (*)(void))fits, METH_FASTCALL, NULL},
    {"find", (PyCFunction)(void (*)(void))find, METH_FASTCALL, NULL},
    {"has_signs", has_signs, METH_O, NULL},
    {"tail_context", tail_context, METH_O, NULL},
    {"traceparent", (PyCFunction)(void (*)(void))traceparent, METH_FASTCALL, NULL},
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
