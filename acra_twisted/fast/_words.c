/* Looks for names in statements, and writes bytes as literals.  Its readable twins are
 * beginning_by_expressions of encryption/postgresql/unconcerned.py and bytes_literal_by_python of
 * forms.py beside it: for every input both return the same, which property tests compare where this is
 * compiled.  Measured in docs/performance-notes.rst.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#include "literals.h"

static int
is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

/* What a byte outside strings begins, of a text whose names are looked for: nothing, a word, a string,
 * a name in quotes, the end of the statement; a comment, if another byte follows; and what only a
 * lexer can read. */
enum { NOTHING, WORD, STRING, NAME, END, DASH, SLASH, ODD };

static const unsigned char BEGINS[256] = {
    [0 ... 8] = ODD, [0x0e ... 0x1f] = ODD, ['$'] = ODD, ['\\'] = ODD, ['`'] = ODD, ['{'] = ODD,
    ['}'] = ODD, [0x7f ... 0xff] = ODD, ['\''] = STRING, ['"'] = NAME, [';'] = END, ['-'] = DASH,
    ['/'] = SLASH, ['A' ... 'Z'] = WORD, ['a' ... 'z'] = WORD, ['_'] = WORD,
};
/* Bytes of the longest word that is looked for. */
#define LONGEST 59
/* A beginning of words is no shorter, and found by so many bytes. */
#define START 6
/* Words are looked for in a table of 1 << BITS bits, beginnings as words of no bytes. */
#define BITS 15
#define TABLE ((1 << BITS) / 8)
/* Before that by their first bytes, in which small letters and large ones are the same: the table is
 * followed by a number for each, whose bits tell how long words with it are. */
#define FIRST(byte) ((byte) & 31)
#define LENGTHS (32 * sizeof(uint64_t))

/* A form is a certain text without its numbers and strings, none of which can name anything: pieces
 * of one byte for their length, as many bytes of the text, and one for what stands behind them. */
enum { NO_VALUE, A_NUMBER, A_STRING };
#define LONGEST_FORM 512
#define LONGEST_PIECE 255
/* So many of them are kept, 1 << FORM_BITS, each in the place that its first bytes tell. */
#define FORM_BITS 6
/* A form stays for so many certain texts that have come to its place in vain. */
#define PATIENCE 4

struct form {
    unsigned short size;
    signed char beginning;
    unsigned char patience;
    unsigned char pieces[LONGEST_FORM];
};

/* What is looked for, and forms of texts that are certain to have none of it. */
typedef struct {
    PyObject_HEAD
    PyObject *words, *starts, *beginnings;
    unsigned char bits[TABLE + LENGTHS];
    struct form forms[1 << FORM_BITS];
} Names;

/* The place of a word in the table: by its first and last eight bytes, in which small letters and
 * large ones are the same.  So many bytes are `there` from the word's first one on. */
static unsigned
place(const unsigned char *word, Py_ssize_t size, Py_ssize_t length, Py_ssize_t there)
{
    uint64_t first = 0, last = 0;

    if (there >= 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) {
        /* No call: the size is known. */
        memcpy(&first, word, 8);
        if (size < 8)
            first &= ((uint64_t)1 << (8 * size)) - 1;
    } else {
        memcpy(&first, word, (size_t)(size < 8 ? size : 8));
    }
    if (size > 8)
        memcpy(&last, word + size - 8, 8);
    first = (first | 0x2020202020202020u) * 0x9e3779b97f4a7c15u;
    last = ((last | 0x2020202020202020u) + (uint64_t)length) * 0xc2b2ae3d27d4eb4fu;
    return (unsigned)((first ^ last ^ last >> 32) * 0x9e3779b97f4a7c15u >> (64 - BITS));
}

/* How long words that are looked for are, by a first byte of them. */
static uint64_t
lengths_of(const unsigned char *bits, unsigned char first)
{
    uint64_t lengths;

    memcpy(&lengths, bits + TABLE + FIRST(first) * sizeof lengths, sizeof lengths);
    return lengths;
}

static int
is_set(const unsigned char *bits, unsigned place)
{
    return bits[place >> 3] >> (place & 7) & 1;
}

/* Mark a word of at least so many bytes, or the beginning of words that it is. */
static int
mark(unsigned char *bits, PyObject *word, Py_ssize_t least, int begins)
{
    unsigned at;
    uint64_t lengths;
    const unsigned char *text;
    Py_ssize_t size = PyBytes_Check(word) ? PyBytes_GET_SIZE(word) : 0;

    if (size < least || size > LONGEST) {
        PyErr_SetString(PyExc_ValueError, "a word of such a length is not looked for");
        return -1;
    }
    text = (const unsigned char *)PyBytes_AS_STRING(word);
    at = place(text, begins ? START : size, begins ? 0 : size, size);
    bits[at >> 3] |= (unsigned char)(1 << (at & 7));
    lengths = lengths_of(bits, text[0]);
    lengths |= begins ? ~(uint64_t)0 << START : (uint64_t)1 << size;
    memcpy(bits + TABLE + FIRST(text[0]) * sizeof lengths, &lengths, sizeof lengths);
    return 0;
}

static void
names_dealloc(Names *self)
{
    Py_CLEAR(self->words);
    Py_CLEAR(self->starts);
    Py_CLEAR(self->beginnings);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Names(words, starts, beginnings): looks for words, and for those that begin as one of `starts`, in
 * texts that begin with one of `beginnings`. */
static PyObject *
names_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *words, *starts, *beginnings, *each, *word;
    Names *self;
    Py_ssize_t i;

    if (!PyArg_ParseTuple(args, "O!O!O!:Names", &PyFrozenSet_Type, &words, &PyTuple_Type, &starts,
                          &PyTuple_Type, &beginnings))
        return NULL;
    for (i = 0; i < PyTuple_GET_SIZE(beginnings); i++)
        if (!PyBytes_Check(PyTuple_GET_ITEM(beginnings, i))) {
            PyErr_SetString(PyExc_TypeError, "a beginning is bytes");
            return NULL;
        }
    /* Whose bytes are all zero. */
    self = (Names *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->words = Py_NewRef(words);
    self->starts = Py_NewRef(starts);
    self->beginnings = Py_NewRef(beginnings);
    for (i = 0; i < PyTuple_GET_SIZE(starts); i++)
        if (mark(self->bits, PyTuple_GET_ITEM(starts, i), START, 1) < 0)
            goto failed;
    each = PyObject_GetIter(words);
    if (each == NULL)
        goto failed;
    while ((word = PyIter_Next(each)) != NULL) {
        int done = mark(self->bits, word, 1, 0);
        Py_DECREF(word);
        if (done < 0)
            break;
    }
    Py_DECREF(each);
    if (!PyErr_Occurred())
        return (PyObject *)self;
failed:
    Py_DECREF(self);
    return NULL;
}

/* Whether a word is looked for, or begins as one of `starts`: -1 with an exception. */
static int
is_looked_for(const unsigned char *word, Py_ssize_t size, PyObject *words, PyObject *starts)
{
    char lowered[LONGEST];
    PyObject *whole;
    Py_ssize_t i;
    int found;

    for (i = 0; i < size; i++)
        lowered[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] | 0x20 : word[i]);
    for (i = 0; i < PyTuple_GET_SIZE(starts); i++) {
        PyObject *start = PyTuple_GET_ITEM(starts, i);
        Py_ssize_t length = PyBytes_Check(start) ? PyBytes_GET_SIZE(start) : size + 1;
        if (length <= size && memcmp(lowered, PyBytes_AS_STRING(start), (size_t)length) == 0)
            return 1;
    }
    whole = PyBytes_FromStringAndSize(lowered, size);
    if (whole == NULL)
        return -1;
    found = PySet_Contains(words, whole);
    Py_DECREF(whole);
    return found;
}

/* Bytes of words. */
static const unsigned char IN_WORD[256] = {
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['_'] = 1,
};

static int
is_in_word(unsigned char byte)
{
    return IN_WORD[byte];
}

/* Whether numbers, and what stands between them in a list, are all of some bytes: much of a long text
 * is such.  A compiler has the processor look at sixteen bytes at once, and to ask of them all takes
 * as long as to look at another hundred: so many are looked at while there are. */
#define BLOCK 32
#define LARGE_BLOCK 256

static inline int
are_numbers(const unsigned char *text, int size)
{
    unsigned char others = 0;
    int i;

    for (i = 0; i < size; i++) {
        /* From "(" to "9" all but "-" and "/", which differ in one bit. */
        unsigned char is_far = (unsigned char)(text[i] - '(') > '9' - '(';
        unsigned char is_no_space = text[i] != ' ';
        unsigned char is_line = (text[i] & ~2 & 0xff) == '-';
        others |= (is_far & is_no_space) | is_line;
    }
    return !others;
}

/* A processor with registers of 32 bytes takes half the time; others run what all can. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define BY_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define BY_PROCESSOR
#endif

/* The end of what is certain to be numbers from there on, as far as whole blocks tell. */
BY_PROCESSOR static Py_ssize_t
numbers_end(const unsigned char *text, Py_ssize_t at, Py_ssize_t size)
{
    while (at + LARGE_BLOCK <= size && are_numbers(text + at, LARGE_BLOCK))
        at += LARGE_BLOCK;
    while (at + BLOCK <= size && are_numbers(text + at, BLOCK))
        at += BLOCK;
    return at;
}

/* Pass over the word at `*at`, of letters, digits and low lines: 1 if it is looked for, or too long,
 * -1 with an exception. */
static int
pass_word(const unsigned char *text, Py_ssize_t *at, Py_ssize_t size, const Names *names)
{
    const unsigned char *bits = names->bits;
    Py_ssize_t begin = *at, end = begin;

    while (end < size && is_in_word(text[end]))
        end++;
    *at = end;
    if (end - begin > LONGEST)
        return 1;
    if (!(lengths_of(bits, text[begin]) >> (end - begin) & 1))
        return 0;
    if (!is_set(bits, place(text + begin, end - begin, end - begin, size - begin))
        && (end - begin < START || !is_set(bits, place(text + begin, START, 0, size - begin))))
        return 0;
    return is_looked_for(text + begin, end - begin, names->words, names->starts);
}

/* The number of the word in small letters that a text begins with, -1 if it is none of some; sets the
 * place where it stands. */
static int
begun(const unsigned char *text, Py_ssize_t size, PyObject *words, Py_ssize_t *at)
{
    Py_ssize_t begin = 0, end, i, j;

    while (begin < size && (text[begin] == ' ' || (text[begin] >= 9 && text[begin] <= 13)))
        begin++;
    for (end = begin; end < size && is_in_word(text[end]); end++)
        ;
    *at = begin;
    for (i = 0; i < PyTuple_GET_SIZE(words); i++) {
        PyObject *word = PyTuple_GET_ITEM(words, i);
        const char *letters = PyBytes_AS_STRING(word);
        if (PyBytes_GET_SIZE(word) != end - begin)
            continue;
        for (j = 0; j < end - begin && (text[begin + j] | 0x20) == letters[j]; j++)
            ;
        if (j == end - begin)
            return (int)i;
    }
    return -1;
}

/* The end of the string at `text`, behind its quote; NULL if only a lexer can tell. */
static const unsigned char *
string_end(const unsigned char *text, const unsigned char *limit)
{
    const unsigned char *end = memchr(text + 1, '\'', (size_t)(limit - text - 1));

    if (end == NULL || memchr(text, '\\', (size_t)(end - text)) != NULL
        || memchr(text, 0, (size_t)(end - text)) != NULL)
        return NULL;
    return end + 1;
}

/* 1 if none of the names in a text is looked for and each can be seen, 0 if not: -1 with an
 * exception. */
static int
sees_no_name(const unsigned char *text, Py_ssize_t at, Py_ssize_t size, const Names *names)
{
    const unsigned char *end;
    Py_ssize_t begin;
    int found;

    while (at < size) {
        begin = at;
        while (at + 4 <= size
               && (BEGINS[text[at]] | BEGINS[text[at + 1]] | BEGINS[text[at + 2]]
                   | BEGINS[text[at + 3]]) == NOTHING) {
            at += 4;
            if (at - begin == BLOCK / 2)
                at = numbers_end(text, at, size);
        }
        while (at < size && BEGINS[text[at]] == NOTHING)
            at++;
        if (at == size)
            break;
        switch (BEGINS[text[at]]) {
        case WORD:
            if (at > 0 && is_digit(text[at - 1]))
                return 0;
            found = pass_word(text, &at, size, names);
            if (found != 0)
                return found < 0 ? -1 : 0;
            break;
        case STRING:
            end = string_end(text + at, text + size);
            if (end == NULL)
                return 0;
            at = end - text;
            break;
        case NAME:
            if ((at > 0 && text[at - 1] == '&') || ++at == size || !is_in_word(text[at]))
                return 0;
            found = pass_word(text, &at, size, names);
            if (found != 0)
                return found < 0 ? -1 : 0;
            if (at == size || text[at] != '"' || (++at < size && text[at] == '"'))
                return 0;
            break;
        case END:
            while (at < size && text[at] != 0 && strchr("; \t\r\n", text[at]) != NULL)
                at++;
            return at == size;
        case DASH:
        case SLASH:
            at++;
            if (at < size && text[at] == (BEGINS[text[at - 1]] == DASH ? '-' : '*'))
                return 0;
            break;
        default:
            return 0;
        }
    }
    return 1;
}

/* Where the form of a text is kept: by its first bytes and some behind, which are rarely values. */
static unsigned
place_of_form(const unsigned char *text, Py_ssize_t size)
{
    static const Py_ssize_t looked_at[] = {0, 8, 16, 64};
    uint64_t mixed = 0, part;
    size_t i;

    for (i = 0; i < sizeof looked_at / sizeof looked_at[0] && looked_at[i] + 8 <= size; i++) {
        memcpy(&part, text + looked_at[i], 8);
        mixed = (mixed ^ part) * 0x9e3779b97f4a7c15u;
        mixed ^= mixed >> 32;
    }
    return (unsigned)(mixed * 0x9e3779b97f4a7c15u >> (64 - FORM_BITS));
}

/* Whether a text has a form.  Then it has the names of those that the form is of. */
static int
has_form(const unsigned char *text, Py_ssize_t size, const struct form *form)
{
    const unsigned char *limit = text + size, *piece = form->pieces;
    const unsigned char *behind = piece + form->size;

    while (piece < behind) {
        Py_ssize_t length = *piece++;
        if (limit - text < length || memcmp(text, piece, (size_t)length) != 0)
            return 0;
        text += length;
        piece += length;
        switch (*piece++) {
        case A_NUMBER:
            if (text == limit || !is_digit(*text))
                return 0;
            while (text < limit && is_digit(*text))
                text++;
            break;
        case A_STRING:
            if (text == limit || *text != '\'')
                return 0;
            text = string_end(text, limit);
            if (text == NULL)
                return 0;
            break;
        }
    }
    return text == limit;
}

/* Keep the form of a certain text, if it is not too long. */
static void
learn(struct form *form, const unsigned char *text, Py_ssize_t size, int beginning)
{
    const unsigned char *at = text, *limit = text + size, *done = text;
    unsigned char *piece = form->pieces;

    form->size = 0;
    form->patience = PATIENCE;
    while (done < limit) {
        int value = NO_VALUE;
        while (at < limit && at - done < LONGEST_PIECE) {
            if (*at == '\'' || is_digit(*at)) {
                value = *at == '\'' ? A_STRING : A_NUMBER;
                break;
            }
            if (*at == '"')
                /* A name, which ends: its digits are no number, nor are those of a word. */
                at = (const unsigned char *)memchr(at + 1, '"', (size_t)(limit - at - 1)) + 1;
            else if (is_in_word(*at))
                while (at < limit && is_in_word(*at))
                    at++;
            else
                at++;
        }
        if (at - done > LONGEST_PIECE || at - done + 2 > form->pieces + LONGEST_FORM - piece)
            return;
        *piece++ = (unsigned char)(at - done);
        memcpy(piece, done, (size_t)(at - done));
        piece += at - done;
        *piece++ = (unsigned char)value;
        if (value == A_STRING)
            at = string_end(at, limit);
        else if (value == A_NUMBER)
            while (at < limit && is_digit(*at))
                at++;
        done = at;
    }
    form->beginning = (signed char)beginning;
    form->size = (unsigned short)(piece - form->pieces);
}

/* beginning(text): the number of the word that a text begins with, if none of its names is looked
 * for and each can be seen; -1 for any other. */
static PyObject *
names_beginning(Names *self, PyObject *whole)
{
    const unsigned char *text;
    struct form *form;
    Py_ssize_t size, at;
    int beginning, found;

    if (!PyBytes_Check(whole)) {
        PyErr_SetString(PyExc_TypeError, "names are looked for in bytes");
        return NULL;
    }
    text = (const unsigned char *)PyBytes_AS_STRING(whole);
    size = PyBytes_GET_SIZE(whole);
    form = &self->forms[place_of_form(text, size)];
    if (form->size > 0 && has_form(text, size, form)) {
        form->patience = PATIENCE;
        return PyLong_FromLong(form->beginning);
    }
    beginning = begun(text, size, self->beginnings, &at);
    found = beginning >= 0 ? sees_no_name(text, at, size, self) : 0;
    if (found < 0)
        return NULL;
    if (found == 0)
        return PyLong_FromLong(-1);
    if (size <= 2 * LONGEST_FORM) {
        if (form->patience > 0)
            form->patience--;
        else
            learn(form, text, size, beginning);
    }
    return PyLong_FromLong(beginning);
}

#define LITERAL_HEAD " E'\\\\x"
#define LITERAL_HEAD_SIZE (sizeof LITERAL_HEAD - 1)

/* hex_literal(data): a literal of PostgreSQL that says these bytes by their digits. */
static PyObject *
hex_literal(PyObject *Py_UNUSED(module), PyObject *data)
{
    PyObject *literal;
    Py_ssize_t size;
    char *at;

    if (!PyBytes_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "hex_literal takes bytes");
        return NULL;
    }
    size = PyBytes_GET_SIZE(data);
    if (size > (PY_SSIZE_T_MAX - 16) / 2)
        return PyErr_NoMemory();
    literal = PyBytes_FromStringAndSize(NULL, 2 * size + (Py_ssize_t)LITERAL_HEAD_SIZE + 1);
    if (literal == NULL)
        return NULL;
    at = PyBytes_AS_STRING(literal);
    memcpy(at, LITERAL_HEAD, LITERAL_HEAD_SIZE);
    at += LITERAL_HEAD_SIZE;
    write_hex(at, PyBytes_AS_STRING(data), size);
    at[2 * size] = '\'';
    return literal;
}

static PyMethodDef names_methods[] = {
    {"beginning", (PyCFunction)names_beginning, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject NamesType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._words.Names",
    .tp_basicsize = sizeof(Names),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = names_new,
    .tp_dealloc = (destructor)names_dealloc,
    .tp_methods = names_methods,
};

static PyMethodDef functions[] = {
    {"hex_literal", hex_literal, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._words",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__words(void)
{
    PyObject *made;

    made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddType(made, &NamesType) < 0)
        Py_CLEAR(made);
    return made;
}
