/* Looks for names in statements, and writes bytes as literals.  Its readable twins are
 * has_by_expressions of encryption/postgresql/unconcerned.py and bytes_literal_by_python of forms.py
 * beside it: for every input both return the same, which property tests compare where this is
 * compiled.  Measured in docs/performance-notes.rst.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

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

/* word_bits(words, starts): the table for is_unconcerned. */
static PyObject *
word_bits(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *bits, *words, *word;
    unsigned char *table;
    Py_ssize_t i;

    if (nargs != 2 || !PyFrozenSet_Check(args[0]) || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "word_bits takes a frozenset and a tuple of bytes");
        return NULL;
    }
    bits = PyBytes_FromStringAndSize(NULL, TABLE + LENGTHS);
    if (bits == NULL)
        return NULL;
    table = (unsigned char *)PyBytes_AS_STRING(bits);
    memset(table, 0, TABLE + LENGTHS);
    for (i = 0; i < PyTuple_GET_SIZE(args[1]); i++)
        if (mark(table, PyTuple_GET_ITEM(args[1], i), START, 1) < 0)
            goto failed;
    words = PyObject_GetIter(args[0]);
    if (words == NULL)
        goto failed;
    while ((word = PyIter_Next(words)) != NULL) {
        int done = mark(table, word, 1, 0);
        Py_DECREF(word);
        if (done < 0)
            break;
    }
    Py_DECREF(words);
    if (PyErr_Occurred())
        goto failed;
    return bits;
failed:
    Py_DECREF(bits);
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

/* Pass over the word at `*at`, of letters, digits and low lines: 1 if it is looked for, or too long,
 * -1 with an exception. */
static int
pass_word(const unsigned char *text, Py_ssize_t *at, Py_ssize_t size, PyObject *const *args)
{
    const unsigned char *bits = (const unsigned char *)PyBytes_AS_STRING(args[1]);
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
    return is_looked_for(text + begin, end - begin, args[2], args[3]);
}

/* Whether a text begins with one of some words, in small letters; sets the place of that word. */
static int
begins_with(const unsigned char *text, Py_ssize_t size, PyObject *words, Py_ssize_t *at)
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
        if (!PyBytes_Check(word) || PyBytes_GET_SIZE(word) != end - begin)
            continue;
        for (j = 0; j < end - begin && (text[begin + j] | 0x20) == letters[j]; j++)
            ;
        if (j == end - begin)
            return 1;
    }
    return 0;
}

/* 1 if none of the names in a text is looked for and each can be seen, 0 if not: -1 with an
 * exception. */
static int
sees_no_name(const unsigned char *text, Py_ssize_t at, Py_ssize_t size, PyObject *const *args)
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
            if (at - begin == BLOCK / 2) {
                while (at + LARGE_BLOCK <= size && are_numbers(text + at, LARGE_BLOCK))
                    at += LARGE_BLOCK;
                while (at + BLOCK <= size && are_numbers(text + at, BLOCK))
                    at += BLOCK;
            }
        }
        while (at < size && BEGINS[text[at]] == NOTHING)
            at++;
        if (at == size)
            break;
        switch (BEGINS[text[at]]) {
        case WORD:
            if (at > 0 && is_digit(text[at - 1]))
                return 0;
            found = pass_word(text, &at, size, args);
            if (found != 0)
                return found < 0 ? -1 : 0;
            break;
        case STRING:
            end = memchr(text + at + 1, '\'', (size_t)(size - at - 1));
            if (end == NULL || memchr(text + at, '\\', (size_t)(end - text - at)) != NULL
                || memchr(text + at, 0, (size_t)(end - text - at)) != NULL)
                return 0;
            at = end - text + 1;
            break;
        case NAME:
            if ((at > 0 && text[at - 1] == '&') || ++at == size || !is_in_word(text[at]))
                return 0;
            found = pass_word(text, &at, size, args);
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

/* is_unconcerned(text, bits, words, starts, beginnings). */
static PyObject *
is_unconcerned(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    const unsigned char *text;
    Py_ssize_t size, at;
    int found;

    if (nargs != 5 || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1])
        || PyBytes_GET_SIZE(args[1]) != TABLE + LENGTHS || !PyFrozenSet_Check(args[2])
        || !PyTuple_Check(args[3]) || !PyTuple_Check(args[4])) {
        PyErr_SetString(PyExc_TypeError, "is_unconcerned takes a text and what is looked for");
        return NULL;
    }
    text = (const unsigned char *)PyBytes_AS_STRING(args[0]);
    size = PyBytes_GET_SIZE(args[0]);
    found = begins_with(text, size, args[4], &at) ? sees_no_name(text, at, size, args) : 0;
    return found < 0 ? NULL : PyBool_FromLong(found);
}

/* The digit of a number below 16. */
static char
hex_digit(unsigned number)
{
    return (char)(number + '0' + (number > 9 ? 'a' - '0' - 10 : 0));
}

#define LITERAL_HEAD " E'\\\\x"
#define LITERAL_HEAD_SIZE (sizeof LITERAL_HEAD - 1)

/* hex_literal(data): a literal of PostgreSQL that says these bytes by their digits. */
static PyObject *
hex_literal(PyObject *Py_UNUSED(module), PyObject *data)
{
    const unsigned char *bytes;
    PyObject *literal;
    Py_ssize_t size, i;
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
    bytes = (const unsigned char *)PyBytes_AS_STRING(data);
    at = PyBytes_AS_STRING(literal);
    memcpy(at, LITERAL_HEAD, LITERAL_HEAD_SIZE);
    at += LITERAL_HEAD_SIZE;
    /* No way out before the end: the compiler takes many bytes at once. */
    for (i = 0; i < size; i++) {
        at[2 * i] = hex_digit(bytes[i] >> 4);
        at[2 * i + 1] = hex_digit(bytes[i] & 15);
    }
    at[2 * size] = '\'';
    return literal;
}

static PyMethodDef functions[] = {
    {"hex_literal", hex_literal, METH_O, NULL},
    {"is_unconcerned", (PyCFunction)(void (*)(void))is_unconcerned, METH_FASTCALL, NULL},
    {"word_bits", (PyCFunction)(void (*)(void))word_bits, METH_FASTCALL, NULL},
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
    return PyModule_Create(&module);
}
