/* Seals AcraBlocks, and makes HMACs, by OpenSSL without what Python and cryptography do around each
 * call: objects for keys and ciphers that are made and freed, algorithms that are found by name.
 * OpenSSL is the one that Python's hashlib has, and its functions are found when `bind` is called.
 * The readable twins are Sealer.create_by_python of crypto/acrablock.py and those of
 * fast/hmacsha256.py whose names end in by_python: for every input both return the same, which
 * property tests compare where this is compiled.  Measured in docs/performance-notes.rst.
 *
 * The interpreter's lock is held throughout: what is static here has one user at a time.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <dlfcn.h>
#include <string.h>

/* OpenSSL's types are its own business. */
typedef void Hash;
typedef void HashState;
typedef void Cipher;
typedef void CipherState;

static struct {
    const Hash *(*EVP_sha256)(void);
    HashState *(*EVP_MD_CTX_new)(void);
    int (*EVP_DigestInit_ex)(HashState *, const Hash *, void *);
    int (*EVP_DigestUpdate)(HashState *, const void *, size_t);
    int (*EVP_DigestFinal_ex)(HashState *, unsigned char *, unsigned int *);
    const Cipher *(*EVP_aes_256_gcm)(void);
    CipherState *(*EVP_CIPHER_CTX_new)(void);
    void (*EVP_CIPHER_CTX_free)(CipherState *);
    int (*EVP_CIPHER_CTX_ctrl)(CipherState *, int, int, void *);
    int (*EVP_EncryptInit_ex)(CipherState *, const Cipher *, void *, const unsigned char *,
                              const unsigned char *);
    int (*EVP_EncryptUpdate)(CipherState *, unsigned char *, int *, const unsigned char *, int);
    int (*EVP_EncryptFinal_ex)(CipherState *, unsigned char *, int *);
    void (*OPENSSL_cleanse)(void *, size_t);
    void (*ERR_clear_error)(void);
} ssl;

/* Where each of them is put. */
static const struct {
    const char *name;
    void *place;
} WANTED[] = {
#define WANT(name) {#name, &ssl.name}
    WANT(EVP_sha256), WANT(EVP_MD_CTX_new), WANT(EVP_DigestInit_ex), WANT(EVP_DigestUpdate),
    WANT(EVP_DigestFinal_ex), WANT(EVP_aes_256_gcm), WANT(EVP_CIPHER_CTX_new),
    WANT(EVP_CIPHER_CTX_free), WANT(EVP_CIPHER_CTX_ctrl), WANT(EVP_EncryptInit_ex),
    WANT(EVP_EncryptUpdate), WANT(EVP_EncryptFinal_ex), WANT(OPENSSL_cleanse),
    WANT(ERR_clear_error),
};

#define GET_TAG 0x10

/* SHA-256 and its block, AES-256-GCM, and what stands for bytes of each in a cell. */
#define DIGEST 32
#define BLOCK 64
#define KEY 32
#define VECTOR 12
#define TAG 16
#define CELL_HEAD 12
#define CELL (CELL_HEAD + 4 + VECTOR + TAG)
/* An AcraBlock: its tag, its length, what stands before its key, two cells. */
#define BLOCK_TAG 4
#define MIDDLE 6
#define OVERHEAD (BLOCK_TAG + 8 + MIDDLE + CELL + KEY + CELL)
#define DRAWN (KEY + 2 * VECTOR)
/* Of one that is longer others would wait for the interpreter. */
#define LONGEST (64 * 1024)

static HashState *hash;
/* For data: it has the key of zeros between two of them. */
static CipherState *cipher;
static const unsigned char NO_KEY[KEY];

/* A context for AES-256-GCM with a key; NULL if OpenSSL refuses. */
static CipherState *
new_cipher(const unsigned char *key)
{
    CipherState *made = ssl.EVP_CIPHER_CTX_new();

    if (made != NULL
        && (ssl.EVP_EncryptInit_ex(made, ssl.EVP_aes_256_gcm(), NULL, NULL, NULL) != 1
            || ssl.EVP_EncryptInit_ex(made, NULL, NULL, key, NULL) != 1)) {
        ssl.EVP_CIPHER_CTX_free(made);
        made = NULL;
    }
    return made;
}

/* bind(path): whether OpenSSL's functions are found by way of a library that needs them.  It stays
 * loaded. */
static PyObject *
bind(PyObject *Py_UNUSED(module), PyObject *path)
{
    void *library;
    size_t i;

    if (!PyBytes_Check(path)) {
        PyErr_SetString(PyExc_TypeError, "bind takes a path as bytes");
        return NULL;
    }
    if (cipher != NULL)
        Py_RETURN_TRUE;
    library = dlopen(PyBytes_AS_STRING(path), RTLD_LAZY);
    if (library == NULL)
        Py_RETURN_FALSE;
    for (i = 0; i < sizeof WANTED / sizeof WANTED[0]; i++) {
        void *found = dlsym(library, WANTED[i].name);
        if (found == NULL)
            Py_RETURN_FALSE;
        memcpy(WANTED[i].place, &found, sizeof found);
    }
    if (hash == NULL)
        hash = ssl.EVP_MD_CTX_new();
    if (hash == NULL || ssl.EVP_DigestInit_ex(hash, ssl.EVP_sha256(), NULL) != 1
        || (cipher = new_cipher(NO_KEY)) == NULL) {
        ssl.ERR_clear_error();
        Py_RETURN_FALSE;
    }
    Py_RETURN_TRUE;
}

/* Bytes that are hashed one after the other. */
struct part {
    const void *data;
    size_t size;
};

/* The hash of a block and of some parts: 1, or 0 if OpenSSL refuses. */
static int
hashed(unsigned char *digest, const unsigned char *block, const struct part *parts, int count)
{
    int i;

    if (ssl.EVP_DigestInit_ex(hash, NULL, NULL) != 1
        || ssl.EVP_DigestUpdate(hash, block, BLOCK) != 1)
        return 0;
    for (i = 0; i < count; i++)
        if (parts[i].size > 0 && ssl.EVP_DigestUpdate(hash, parts[i].data, parts[i].size) != 1)
            return 0;
    return ssl.EVP_DigestFinal_ex(hash, digest, NULL) == 1;
}

/* The HMAC-SHA-256 of some parts (RFC 2104), by a key of no more than a block: 1, or 0 if OpenSSL
 * refuses. */
static int
authenticated(unsigned char *digest, const void *key, size_t size, const struct part *parts,
              int count)
{
    unsigned char block[BLOCK] = {0}, inner[DIGEST];
    struct part outer = {inner, DIGEST};
    int i, done;

    memcpy(block, key, size);
    for (i = 0; i < BLOCK; i++)
        block[i] ^= 0x36;
    done = hashed(inner, block, parts, count);
    if (done) {
        for (i = 0; i < BLOCK; i++)
            block[i] ^= 0x36 ^ 0x5c;
        done = hashed(digest, block, &outer, 1);
    }
    ssl.OPENSSL_cleanse(block, sizeof block);
    ssl.OPENSSL_cleanse(inner, sizeof inner);
    return done;
}

/* hmac(key, message): None if OpenSSL refuses, or for what is no bytes or too long a key. */
static PyObject *
hmac(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    unsigned char digest[DIGEST];
    struct part message;

    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "hmac takes a key and a message");
        return NULL;
    }
    if (cipher == NULL || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1])
        || PyBytes_GET_SIZE(args[0]) > BLOCK)
        Py_RETURN_NONE;
    message.data = PyBytes_AS_STRING(args[1]);
    message.size = (size_t)PyBytes_GET_SIZE(args[1]);
    if (!authenticated(digest, PyBytes_AS_STRING(args[0]), (size_t)PyBytes_GET_SIZE(args[0]),
                       &message, 1)) {
        ssl.ERR_clear_error();
        Py_RETURN_NONE;
    }
    return PyBytes_FromStringAndSize((const char *)digest, DIGEST);
}

/* A key for many messages that all have the same beginning. */
typedef struct {
    PyObject_HEAD
    PyObject *begin;
    size_t size;
    unsigned char key[BLOCK];
} Keyed;

/* Keyed(key, begin): a key of no more than a block, which is copied. */
static PyObject *
keyed_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    Py_buffer key;
    PyObject *begin;
    Keyed *self = NULL;

    if (!PyArg_ParseTuple(args, "y*S:Keyed", &key, &begin))
        return NULL;
    if (key.len > BLOCK)
        PyErr_SetString(PyExc_ValueError, "the key is longer than a block of the hash");
    else if (cipher == NULL)
        PyErr_SetString(PyExc_RuntimeError, "OpenSSL's functions are not known");
    else
        self = (Keyed *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->begin = Py_NewRef(begin);
        self->size = (size_t)key.len;
        memcpy(self->key, key.buf, self->size);
    }
    PyBuffer_Release(&key);
    return (PyObject *)self;
}

/* digest(message): the HMAC of the beginning and a message behind it; None if OpenSSL refuses, or
 * for a message that is no bytes, or long. */
static PyObject *
keyed_digest(Keyed *self, PyObject *message)
{
    unsigned char digest[DIGEST];
    struct part parts[2];

    if (!PyBytes_Check(message) || PyBytes_GET_SIZE(message) > LONGEST)
        Py_RETURN_NONE;
    parts[0].data = PyBytes_AS_STRING(self->begin);
    parts[0].size = (size_t)PyBytes_GET_SIZE(self->begin);
    parts[1].data = PyBytes_AS_STRING(message);
    parts[1].size = (size_t)PyBytes_GET_SIZE(message);
    if (!authenticated(digest, self->key, self->size, parts, 2)) {
        ssl.ERR_clear_error();
        Py_RETURN_NONE;
    }
    return PyBytes_FromStringAndSize((const char *)digest, DIGEST);
}

static void
keyed_dealloc(Keyed *self)
{
    ssl.OPENSSL_cleanse(self->key, sizeof self->key);
    Py_CLEAR(self->begin);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef keyed_methods[] = {
    {"digest", (PyCFunction)keyed_digest, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject KeyedType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._sealing.Keyed",
    .tp_basicsize = sizeof(Keyed),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = keyed_new,
    .tp_dealloc = (destructor)keyed_dealloc,
    .tp_methods = keyed_methods,
};

/* One key for data keys, and what is the same in all AcraBlocks of it. */
typedef struct {
    PyObject_HEAD
    CipherState *wrapping;
    PyObject *context, *label;
    char tag[BLOCK_TAG], middle[MIDDLE], cell[CELL_HEAD];
} Blocks;

static char *
little_endian(char *at, unsigned long long number, int size)
{
    for (; size > 0; size--, number >>= 8)
        *at++ = (char)(number & 0xff);
    return at;
}

/* Write a cell: 1, or 0 if OpenSSL refuses.  Without a key the cipher has one. */
static int
seal(Blocks *self, char *at, CipherState *with, const unsigned char *key,
     const unsigned char *vector, const void *data, Py_ssize_t size)
{
    const unsigned char *context = (const unsigned char *)PyBytes_AS_STRING(self->context);
    int known = (int)PyBytes_GET_SIZE(self->context), done, rest;
    char *tag;

    memcpy(at, self->cell, CELL_HEAD);
    at = little_endian(at + CELL_HEAD, (unsigned long long)size, 4);
    memcpy(at, vector, VECTOR);
    tag = at + VECTOR;
    at = tag + TAG;
    return ssl.EVP_EncryptInit_ex(with, NULL, NULL, key, vector) == 1
        && (known == 0 || ssl.EVP_EncryptUpdate(with, NULL, &done, context, known) == 1)
        && ssl.EVP_EncryptUpdate(with, (unsigned char *)at, &done, data, (int)size) == 1
        && done == (int)size
        && ssl.EVP_EncryptFinal_ex(with, (unsigned char *)at + done, &rest) == 1 && rest == 0
        && ssl.EVP_CIPHER_CTX_ctrl(with, GET_TAG, TAG, tag) == 1;
}

/* Write an AcraBlock: 1, or 0 if OpenSSL refuses. */
static int
seal_block(Blocks *self, char *at, const unsigned char *drawn, const char *data, Py_ssize_t size)
{
    unsigned char key[DIGEST];
    char length[4];
    const struct part parts[] = {
        {PyBytes_AS_STRING(self->label), (size_t)PyBytes_GET_SIZE(self->label)},
        {length, sizeof length},
        {PyBytes_AS_STRING(self->context), (size_t)PyBytes_GET_SIZE(self->context)},
    };
    int done;

    memcpy(at, self->tag, BLOCK_TAG);
    at = little_endian(at + BLOCK_TAG, (unsigned long long)(OVERHEAD - BLOCK_TAG + size), 8);
    memcpy(at, self->middle, MIDDLE);
    at += MIDDLE;
    if (!seal(self, at, self->wrapping, NULL, drawn + KEY, drawn, KEY))
        return 0;
    little_endian(length, (unsigned long long)size, 4);
    done = authenticated(key, drawn, KEY, parts, 3)
        && seal(self, at + CELL + KEY, cipher, key, drawn + KEY + VECTOR, data, size);
    ssl.OPENSSL_cleanse(key, sizeof key);
    /* Nothing is left of the key in it. */
    return ssl.EVP_EncryptInit_ex(cipher, NULL, NULL, NO_KEY, NULL) == 1 && done;
}

/* create(data, drawn): an AcraBlock of these random bytes; None if OpenSSL refuses, or for what is
 * no bytes, empty or long, as data or as the context. */
static PyObject *
blocks_create(Blocks *self, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *made;
    Py_ssize_t size;

    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "create takes data and random bytes");
        return NULL;
    }
    if (self->wrapping == NULL || !PyBytes_Check(args[0]) || !PyBytes_Check(args[1])
        || PyBytes_GET_SIZE(args[1]) != DRAWN)
        Py_RETURN_NONE;
    size = PyBytes_GET_SIZE(args[0]);
    if (size == 0 || size > LONGEST)
        Py_RETURN_NONE;
    made = PyBytes_FromStringAndSize(NULL, OVERHEAD + size);
    if (made != NULL
        && !seal_block(self, PyBytes_AS_STRING(made),
                       (const unsigned char *)PyBytes_AS_STRING(args[1]),
                       PyBytes_AS_STRING(args[0]), size)) {
        Py_DECREF(made);
        ssl.ERR_clear_error();
        Py_RETURN_NONE;
    }
    return made;
}

static void
blocks_dealloc(Blocks *self)
{
    if (self->wrapping != NULL)
        ssl.EVP_CIPHER_CTX_free(self->wrapping);
    Py_CLEAR(self->context);
    Py_CLEAR(self->label);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Blocks(key, tag, middle, cell, label, context): the key for data keys as it is derived, what an
 * AcraBlock, its key and each cell begin with, and what the key of each message is derived from. */
static PyObject *
blocks_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    const char *key, *tag, *middle, *cell;
    Py_ssize_t key_size, tag_size, middle_size, cell_size;
    PyObject *label, *context;
    Blocks *self;

    if (!PyArg_ParseTuple(args, "y#y#y#y#SS:Blocks", &key, &key_size, &tag, &tag_size, &middle,
                          &middle_size, &cell, &cell_size, &label, &context))
        return NULL;
    if (key_size != KEY || tag_size != BLOCK_TAG || middle_size != MIDDLE
        || cell_size != CELL_HEAD) {
        PyErr_SetString(PyExc_ValueError, "a part of another length is expected");
        return NULL;
    }
    if (cipher == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "OpenSSL's functions are not known");
        return NULL;
    }
    self = (Blocks *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    memcpy(self->tag, tag, BLOCK_TAG);
    memcpy(self->middle, middle, MIDDLE);
    memcpy(self->cell, cell, CELL_HEAD);
    self->label = Py_NewRef(label);
    self->context = Py_NewRef(context);
    /* Without one `create` makes nothing. */
    if (PyBytes_GET_SIZE(context) <= LONGEST) {
        self->wrapping = new_cipher((const unsigned char *)key);
        if (self->wrapping == NULL)
            ssl.ERR_clear_error();
    }
    return (PyObject *)self;
}

static PyMethodDef blocks_methods[] = {
    {"create", (PyCFunction)(void (*)(void))blocks_create, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject BlocksType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._sealing.Blocks",
    .tp_basicsize = sizeof(Blocks),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = blocks_new,
    .tp_dealloc = (destructor)blocks_dealloc,
    .tp_methods = blocks_methods,
};

static PyMethodDef functions[] = {
    {"bind", bind, METH_O, NULL},
    {"hmac", (PyCFunction)(void (*)(void))hmac, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._sealing",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC
PyInit__sealing(void)
{
    PyObject *made;

    made = PyModule_Create(&module);
    if (made != NULL
        && (PyModule_AddType(made, &BlocksType) < 0 || PyModule_AddType(made, &KeyedType) < 0))
        Py_CLEAR(made);
    return made;
}
