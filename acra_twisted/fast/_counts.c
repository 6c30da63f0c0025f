/* Counts durations by bucket, a run of them by one call, or gathers those of many runs, which are
 * counted together.  The readable twin is fast/counts.py: for
 * input that raises nothing both have counted the same, which property tests compare where this is compiled.
 * Measured in docs/performance-notes.rst.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BUCKETS_MAX 1024
/* Durations of a record, and how often they are counted. */
#define WIDTH_MAX 16
#define RULES_MAX 32
/* Records that are taken together. */
#define TOGETHER 32
/* Numbers of 64 bits that differ in their length or in their first four bits. */
#define BEGINNINGS 496
/* Kinds of buckets that are counted in together. */
#define TABLES_MAX 4
/* So many of a bucket are counted in its cell. */
#define MANY ((uint64_t)UINT16_MAX + 1)

/* For each bucket a count below MANY, and the number of times that it was reached: that is NULL as
 * long as none was.  The sum has two parts, the lower one first: many numbers of 63 bits. */
typedef struct {
    PyObject_VAR_HEAD
    uint64_t *many;
    uint64_t sum[2];
    uint16_t few[1];
} Counts;

static PyTypeObject CountsType;
static PyTypeObject PendingType;

static PyObject *
counts_of(PyTypeObject *type, Py_ssize_t size)
{
    /* All zero. */
    return type->tp_alloc(type, size);
}

static PyObject *
counts_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"size", NULL};
    Py_ssize_t size;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "n:Counts", names, &size))
        return NULL;
    if (size < 1 || size > BUCKETS_MAX) {
        PyErr_SetString(PyExc_ValueError, "there are 1 to 1024 buckets");
        return NULL;
    }
    return counts_of(type, size);
}

static void
counts_dealloc(Counts *self)
{
    PyMem_Free(self->many);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Count one in a bucket that there is; -1 with an exception if there is no memory. */
static inline int
count(Counts *self, Py_ssize_t place)
{
    if (self->few[place] == UINT16_MAX) {
        if (self->many == NULL) {
            self->many = PyMem_Calloc((size_t)Py_SIZE(self), sizeof *self->many);
            if (self->many == NULL) {
                PyErr_NoMemory();
                return -1;
            }
        }
        self->many[place]++;
    }
    self->few[place]++;
    return 0;
}

/* Count so many more in a bucket that there is; -1 with an exception if there is no memory. */
static int
count_many(Counts *self, Py_ssize_t place, uint64_t more)
{
    uint64_t few = self->few[place] + more % MANY, many = more / MANY + few / MANY;

    if (many) {
        if (self->many == NULL) {
            self->many = PyMem_Calloc((size_t)Py_SIZE(self), sizeof *self->many);
            if (self->many == NULL) {
                PyErr_NoMemory();
                return -1;
            }
        }
        self->many[place] += many;
    }
    self->few[place] = (uint16_t)few;
    return 0;
}

/* Add a number of two parts, the lower one first. */
static inline void
add_sum(Counts *self, uint64_t lower, uint64_t upper)
{
    self->sum[0] += lower;
    self->sum[1] += upper + (self->sum[0] < lower);
}

static PyObject *
counts_add(Counts *self, PyObject *const *args, Py_ssize_t given)
{
    Py_ssize_t place;
    long long duration;

    if (given != 2) {
        PyErr_SetString(PyExc_TypeError, "add takes a bucket and a duration");
        return NULL;
    }
    place = PyLong_AsSsize_t(args[0]);
    if (place == -1 && PyErr_Occurred())
        return NULL;
    duration = PyLong_AsLongLong(args[1]);
    if (duration == -1 && PyErr_Occurred())
        return NULL;
    if (place < 0 || place >= Py_SIZE(self)) {
        PyErr_SetString(PyExc_IndexError, "there is no such bucket");
        return NULL;
    }
    if (duration < 0) {
        PyErr_SetString(PyExc_ValueError, "no duration is negative");
        return NULL;
    }
    if (count(self, place) < 0)
        return NULL;
    add_sum(self, (uint64_t)duration, 0);
    Py_RETURN_NONE;
}

static PyObject *
counts_sparse(Counts *self, PyObject *Py_UNUSED(ignored))
{
    PyObject *found = PyDict_New(), *bucket, *number;
    Py_ssize_t place;

    for (place = 0; found != NULL && place < Py_SIZE(self); place++) {
        uint64_t counted = self->few[place] + (self->many == NULL ? 0 : self->many[place] * MANY);

        if (!counted)
            continue;
        bucket = PyLong_FromSsize_t(place);
        number = PyLong_FromUnsignedLongLong(counted);
        if (bucket == NULL || number == NULL || PyDict_SetItem(found, bucket, number) < 0)
            Py_CLEAR(found);
        Py_XDECREF(bucket);
        Py_XDECREF(number);
    }
    return found;
}

static PyObject *
counts_total(Counts *self, void *Py_UNUSED(closure))
{
    unsigned char bytes[16];
    int each;

    for (each = 0; each < 16; each++)
        bytes[each] = (unsigned char)(self->sum[each / 8] >> 8 * (each % 8));
    return _PyLong_FromByteArray(bytes, sizeof bytes, 1, 0);
}

static PyMethodDef counts_methods[] = {
    {"add", (PyCFunction)(void (*)(void))counts_add, METH_FASTCALL, NULL},
    {"sparse", (PyCFunction)counts_sparse, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef counts_values[] = {
    {"total", (getter)counts_total, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject CountsType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._counts.Counts",
    .tp_basicsize = offsetof(Counts, few),
    .tp_itemsize = sizeof(uint16_t),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = counts_new,
    .tp_dealloc = (destructor)counts_dealloc,
    .tp_methods = counts_methods,
    .tp_getset = counts_values,
};

/* Counts in which a duration of a record is counted: so many behind the first of a part; they have
 * the buckets of a table. */
struct rule {
    unsigned char part, behind, table;
};

struct table {
    Py_ssize_t buckets;
    /* The bucket of the smallest number of each `beginning`. */
    unsigned short first[BEGINNINGS];
    /* Where they begin; behind the last one a number that no duration is. */
    uint64_t bounds[BUCKETS_MAX + 1];
};

/* Several kinds of buckets in one: those that begin where one of any of them does. */
struct merged {
    Py_ssize_t buckets;
    /* So many of them begin at most between the numbers of one `beginning`. */
    int steps;
    unsigned short first[BEGINNINGS];
    /* As in a table: it has room for all tables. */
    uint64_t *bounds;
    /* The bucket of each table that is meant by each of these. */
    unsigned short *to[TABLES_MAX];
};

typedef struct {
    PyObject_HEAD
    int is_made;
    /* Durations of a record. */
    Py_ssize_t durations;
    struct rule rules[RULES_MAX];
    /* The first rule of each duration, and the end of the last one's. */
    Py_ssize_t begins[WIDTH_MAX + 1];
    Py_ssize_t count;
    struct table tables[TABLES_MAX];
    /* Of each duration; NULL for one that is counted nowhere. */
    struct merged *merged[WIDTH_MAX];
} Adding;

/* Durations of records that are counted nowhere yet: a number for each of the merged buckets of each
 * duration, and the durations' sums. */
typedef struct {
    PyObject_HEAD
    Adding *adding;
    uint64_t sums[WIDTH_MAX][2];
    /* Where those of each duration begin, and the end of the last one's. */
    Py_ssize_t begins[WIDTH_MAX + 1];
    uint64_t *cells;
} Pending;

/* A number's length and its first four bits, in the order of numbers. */
static inline unsigned
beginning(uint64_t number)
{
    unsigned behind = 60 - (unsigned)__builtin_clzll(number | 8);

    return 8 * behind + (unsigned)(number >> behind);
}

/* The smallest number with a beginning. */
static inline uint64_t
least_of(unsigned beginning)
{
    return beginning < 16 ? beginning : (uint64_t)(8 + beginning % 8) << (beginning / 8 - 1);
}

static inline Py_ssize_t
bucket_of(const struct table *table, uint64_t duration)
{
    Py_ssize_t place = table->first[beginning(duration)];

    while (duration >= table->bounds[place + 1])
        place++;
    return place;
}

static inline int64_t
number(const char *at)
{
    uint64_t found;

    memcpy(&found, at, 8);
    if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        found = __builtin_bswap64(found);
    return (int64_t)found;
}

/* Find the counts of each rule, NULL where its part is None. */
static int
find_counts(const Adding *self, PyObject *parts, Counts **found)
{
    Py_ssize_t each;

    for (each = 0; each < self->begins[self->durations]; each++) {
        const struct rule *rule = self->rules + each;
        PyObject *part, *one;

        found[each] = NULL;
        if (rule->part >= PyList_GET_SIZE(parts)) {
            PyErr_SetString(PyExc_IndexError, "there is no such part");
            return -1;
        }
        part = PyList_GET_ITEM(parts, rule->part);
        if (part == Py_None)
            continue;
        if (!PyList_Check(part)) {
            PyErr_SetString(PyExc_TypeError, "a part is a list of counts, or None");
            return -1;
        }
        if (rule->behind >= PyList_GET_SIZE(part)) {
            PyErr_SetString(PyExc_IndexError, "there are no such counts");
            return -1;
        }
        one = PyList_GET_ITEM(part, rule->behind);
        if (!Py_IS_TYPE(one, &CountsType)
            || Py_SIZE(one) != self->tables[rule->table].buckets) {
            PyErr_SetString(PyExc_TypeError, "counts have the buckets that have bounds");
            return -1;
        }
        found[each] = (Counts *)one;
    }
    return 0;
}

/* Count one duration of some records, which is the first number behind `at`, by its rules. */
static int
add_duration(const Adding *self, Py_ssize_t which, const char *at, Py_ssize_t records,
             Counts *const *found)
{
    uint64_t durations[TOGETHER], sum[2] = {0, 0};
    uint16_t places[TOGETHER];
    Py_ssize_t known = 0, each, rule;
    int table = -1;

    for (; records--; at += 8 * self->durations) {
        int64_t duration = number(at);

        if (duration < 0)
            continue;
        durations[known++] = (uint64_t)duration;
        sum[0] += (uint64_t)duration;
        sum[1] += sum[0] < (uint64_t)duration;
    }
    if (!known)
        return 0;
    for (rule = self->begins[which]; rule < self->begins[which + 1]; rule++) {
        Counts *counts = found[rule];

        if (counts == NULL)
            continue;
        if (self->rules[rule].table != table) {
            table = self->rules[rule].table;
            for (each = 0; each < known; each++)
                places[each] = (uint16_t)bucket_of(self->tables + table, durations[each]);
        }
        for (each = 0; each < known; each++)
            if (count(counts, places[each]) < 0)
                return -1;
        add_sum(counts, sum[0], sum[1]);
    }
    return 0;
}

static PyObject *
adding_add(Adding *self, PyObject *const *args, Py_ssize_t given)
{
    const char *at;
    /* Nothing lets go of them: nothing else runs meanwhile. */
    Counts *found[RULES_MAX];
    Py_ssize_t size = 8 * self->durations, records, some, each;

    if (given != 2 || !PyBytes_Check(args[0]) || !PyList_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "add takes bytes and a list");
        return NULL;
    }
    if (PyBytes_GET_SIZE(args[0]) % size) {
        PyErr_SetString(PyExc_ValueError, "a record is cut off");
        return NULL;
    }
    if (find_counts(self, args[1], found) < 0)
        return NULL;
    at = PyBytes_AS_STRING(args[0]);
    for (records = PyBytes_GET_SIZE(args[0]) / size; records; records -= some, at += some * size) {
        some = records < TOGETHER ? records : TOGETHER;
        for (each = 0; each < self->durations; each++)
            if (add_duration(self, each, at + 8 * each, some, found) < 0)
                return NULL;
    }
    Py_RETURN_NONE;
}

static void
free_merged(struct merged *merged)
{
    int each;

    if (merged == NULL)
        return;
    PyMem_Free(merged->bounds);
    for (each = 0; each < TABLES_MAX; each++)
        PyMem_Free(merged->to[each]);
    PyMem_Free(merged);
}

/* Have each duration's kinds of buckets in one; -1 with an exception if there is no memory. */
static int
set_merged(Adding *self)
{
    Py_ssize_t each, rule, place, table;

    for (each = 0; each < self->durations; each++) {
        struct merged *merged;
        uint64_t last = 0;
        Py_ssize_t at[TABLES_MAX] = {0};
        unsigned next;
        int used[TABLES_MAX] = {0};

        if (self->begins[each] == self->begins[each + 1])
            continue;
        for (rule = self->begins[each]; rule < self->begins[each + 1]; rule++)
            used[self->rules[rule].table] = 1;
        merged = self->merged[each] = PyMem_Calloc(1, sizeof *merged);
        if (merged == NULL)
            goto no_memory;
        for (place = 1, table = 0; table < self->count; table++)
            place += used[table] ? self->tables[table].buckets : 0;
        merged->bounds = PyMem_Calloc((size_t)place + 1, sizeof *merged->bounds);
        if (merged->bounds == NULL)
            goto no_memory;
        for (table = 0; table < self->count; table++) {
            if (!used[table])
                continue;
            merged->to[table] = PyMem_Calloc((size_t)place, sizeof *merged->to[table]);
            if (merged->to[table] == NULL)
                goto no_memory;
        }
        /* The first bucket has everything that is shorter, too: it begins with 0. */
        for (place = 0; last != UINT64_MAX; place++) {
            merged->bounds[place] = last;
            last = UINT64_MAX;
            for (table = 0; table < self->count; table++) {
                const uint64_t *bounds = self->tables[table].bounds;

                if (!used[table])
                    continue;
                while (bounds[at[table] + 1] <= merged->bounds[place])
                    at[table]++;
                merged->to[table][place] = (unsigned short)at[table];
                if (bounds[at[table] + 1] < last)
                    last = bounds[at[table] + 1];
            }
        }
        merged->bounds[place] = UINT64_MAX;
        merged->buckets = place;
        for (place = 0, next = 0; next < BEGINNINGS; next++) {
            uint64_t least = least_of(next);
            Py_ssize_t before = place;

            while (least >= merged->bounds[place + 1])
                place++;
            if (place - before > merged->steps)
                merged->steps = (int)(place - before);
            merged->first[next] = (unsigned short)place;
        }
    }
    return 0;
no_memory:
    PyErr_NoMemory();
    return -1;
}

/* Take where the buckets of a table begin. */
static int
set_bounds(struct table *table, PyObject *bounds)
{
    Py_ssize_t place, size;
    unsigned each;

    if (!PyTuple_Check(bounds)) {
        PyErr_SetString(PyExc_TypeError, "bounds are tuples of numbers");
        return -1;
    }
    size = PyTuple_GET_SIZE(bounds);
    if (size < 1 || size > BUCKETS_MAX) {
        PyErr_SetString(PyExc_ValueError, "there are 1 to 1024 buckets");
        return -1;
    }
    for (place = 0; place < size; place++) {
        long long bound = PyLong_AsLongLong(PyTuple_GET_ITEM(bounds, place));

        if (bound == -1 && PyErr_Occurred())
            return -1;
        if (bound < 0 || (place && (uint64_t)bound <= table->bounds[place - 1])) {
            PyErr_SetString(PyExc_ValueError, "each bucket begins behind the one before it");
            return -1;
        }
        table->bounds[place] = (uint64_t)bound;
    }
    table->bounds[size] = UINT64_MAX;
    table->buckets = size;
    for (place = 0, each = 0; each < BEGINNINGS; each++) {
        uint64_t least = least_of(each);

        while (least >= table->bounds[place + 1])
            place++;
        table->first[each] = (unsigned short)place;
    }
    return 0;
}

/* Take the rules of one duration behind those that there are; -1 with an exception if they are none. */
static Py_ssize_t
set_rules(Adding *self, Py_ssize_t last, PyObject *rules)
{
    Py_ssize_t each;

    if (!PyTuple_Check(rules)) {
        PyErr_SetString(PyExc_TypeError, "a duration has a tuple of rules");
        return -1;
    }
    for (each = 0; each < PyTuple_GET_SIZE(rules); each++, last++) {
        PyObject *one = PyTuple_GET_ITEM(rules, each);
        struct rule *rule = self->rules + last;

        if (last >= RULES_MAX || !PyTuple_Check(one)) {
            PyErr_SetString(PyExc_ValueError, "a rule is three numbers, and there are not many");
            return -1;
        }
        if (!PyArg_ParseTuple(one, "bbb", &rule->part, &rule->behind, &rule->table))
            return -1;
        if (rule->table >= self->count) {
            PyErr_SetString(PyExc_ValueError, "there are no such bounds");
            return -1;
        }
    }
    return last;
}

static int
adding_init(Adding *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"tables", "rules", NULL};
    PyObject *tables, *rules;
    Py_ssize_t each, durations, last = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!:Adding", names, &PyTuple_Type, &tables,
                                     &PyTuple_Type, &rules))
        return -1;
    durations = PyTuple_GET_SIZE(rules);
    if (durations < 1 || durations > WIDTH_MAX) {
        PyErr_SetString(PyExc_ValueError, "a record has 1 to 16 durations");
        return -1;
    }
    if (self->is_made) {
        PyErr_SetString(PyExc_TypeError, "it has been made");
        return -1;
    }
    /* Until all is well no duration has a rule. */
    self->durations = 1;
    self->begins[0] = self->begins[1] = 0;
    self->count = PyTuple_GET_SIZE(tables);
    if (self->count < 1 || self->count > TABLES_MAX) {
        self->count = 0;
        PyErr_SetString(PyExc_ValueError, "there are 1 to 4 tables of bounds");
        return -1;
    }
    for (each = 0; each < self->count; each++)
        if (set_bounds(self->tables + each, PyTuple_GET_ITEM(tables, each)) < 0)
            return -1;
    for (each = 0; each < durations; each++) {
        self->begins[each] = last;
        last = set_rules(self, last, PyTuple_GET_ITEM(rules, each));
        if (last < 0)
            return -1;
    }
    self->begins[durations] = last;
    self->durations = durations;
    /* What is pending has the same durations and buckets. */
    self->is_made = 1;
    return set_merged(self);
}

static PyObject *
adding_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    Adding *self = (Adding *)type->tp_alloc(type, 0);

    /* Until its init is called records have one duration, which is counted nowhere. */
    if (self != NULL)
        self->durations = 1;
    return (PyObject *)self;
}

static void
adding_dealloc(Adding *self)
{
    int each;

    for (each = 0; each < WIDTH_MAX; each++)
        free_merged(self->merged[each]);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
adding_pending(Adding *self, PyObject *Py_UNUSED(ignored))
{
    Pending *made = (Pending *)PendingType.tp_alloc(&PendingType, 0);
    Py_ssize_t each;

    if (made == NULL)
        return NULL;
    for (each = 0; each < self->durations; each++)
        made->begins[each + 1] =
            made->begins[each] + (self->merged[each] == NULL ? 0 : self->merged[each]->buckets);
    made->cells = PyMem_Calloc((size_t)made->begins[self->durations] + 1, sizeof *made->cells);
    if (made->cells == NULL) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    Py_INCREF(self);
    made->adding = self;
    return (PyObject *)made;
}

static void
pending_dealloc(Pending *self)
{
    PyMem_Free(self->cells);
    Py_XDECREF(self->adding);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* Gather one duration of some records, which is the first number behind `at`.  `steps` are those of
 * its buckets. */
static inline __attribute__((always_inline)) void
gather_by_steps(const struct merged *merged, const char *at, Py_ssize_t size, Py_ssize_t records,
                uint64_t *cells, uint64_t *sums, int steps)
{
    const uint64_t *bounds = merged->bounds;
    uint64_t sum[2] = {0, 0};

    for (; records--; at += size) {
        int64_t duration = number(at);
        Py_ssize_t place;
        int left;

        if (duration < 0)
            continue;
        place = merged->first[beginning((uint64_t)duration)];
        /* Always as often: nobody can foresee in which of two buckets a duration is. */
        for (left = steps; left; left--)
            place += (uint64_t)duration >= bounds[place + 1];
        cells[place]++;
        sum[0] += (uint64_t)duration;
        sum[1] += sum[0] < (uint64_t)duration;
    }
    sums[0] += sum[0];
    sums[1] += sum[1] + (sums[0] < sum[0]);
}

static void
gather_duration(const struct merged *merged, const char *at, Py_ssize_t size, Py_ssize_t records,
                uint64_t *cells, uint64_t *sums)
{
    /* The compiler makes no loop of few steps if it knows how many there are. */
    if (merged->steps == 1)
        gather_by_steps(merged, at, size, records, cells, sums, 1);
    else if (merged->steps == 2)
        gather_by_steps(merged, at, size, records, cells, sums, 2);
    else
        gather_by_steps(merged, at, size, records, cells, sums, merged->steps);
}

static PyObject *
pending_gather(Pending *self, PyObject *numbers)
{
    const Adding *adding = self->adding;
    Py_ssize_t size = 8 * adding->durations, each;

    if (!PyBytes_Check(numbers)) {
        PyErr_SetString(PyExc_TypeError, "gather takes bytes");
        return NULL;
    }
    if (PyBytes_GET_SIZE(numbers) % size) {
        PyErr_SetString(PyExc_ValueError, "a record is cut off");
        return NULL;
    }
    for (each = 0; each < adding->durations; each++)
        if (adding->merged[each] != NULL)
            gather_duration(adding->merged[each], PyBytes_AS_STRING(numbers) + 8 * each, size,
                            PyBytes_GET_SIZE(numbers) / size, self->cells + self->begins[each],
                            self->sums[each]);
    Py_RETURN_NONE;
}

static PyObject *
pending_settle(Pending *self, PyObject *parts)
{
    const Adding *adding = self->adding;
    Counts *found[RULES_MAX];
    Py_ssize_t each, place, rule;

    if (!PyList_Check(parts)) {
        PyErr_SetString(PyExc_TypeError, "settle takes a list");
        return NULL;
    }
    if (find_counts(adding, parts, found) < 0)
        return NULL;
    for (each = 0; each < adding->durations; each++) {
        const struct merged *merged = adding->merged[each];
        uint64_t *cells = self->cells + self->begins[each];

        if (merged == NULL)
            continue;
        for (place = 0; place < merged->buckets; place++) {
            if (!cells[place])
                continue;
            for (rule = adding->begins[each]; rule < adding->begins[each + 1]; rule++)
                if (found[rule] != NULL
                    && count_many(found[rule], merged->to[adding->rules[rule].table][place],
                                  cells[place]) < 0)
                    return NULL;
            cells[place] = 0;
        }
        for (rule = adding->begins[each]; rule < adding->begins[each + 1]; rule++)
            if (found[rule] != NULL)
                add_sum(found[rule], self->sums[each][0], self->sums[each][1]);
        self->sums[each][0] = self->sums[each][1] = 0;
    }
    Py_RETURN_NONE;
}

static PyMethodDef pending_methods[] = {
    {"gather", (PyCFunction)pending_gather, METH_O, NULL},
    {"settle", (PyCFunction)pending_settle, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

/* Made by an Adding alone. */
static PyTypeObject PendingType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._counts.Pending",
    .tp_basicsize = sizeof(Pending),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = (destructor)pending_dealloc,
    .tp_methods = pending_methods,
};

static PyMethodDef adding_methods[] = {
    {"pending", (PyCFunction)adding_pending, METH_NOARGS, NULL},
    {"add", (PyCFunction)(void (*)(void))adding_add, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject AddingType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "acra_twisted.fast._counts.Adding",
    .tp_basicsize = sizeof(Adding),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = adding_new,
    .tp_init = (initproc)adding_init,
    .tp_dealloc = (destructor)adding_dealloc,
    .tp_methods = adding_methods,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._counts",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__counts(void)
{
    PyObject *made;

    made = PyModule_Create(&module);
    if (made != NULL
        && (PyModule_AddType(made, &CountsType) < 0 || PyModule_AddType(made, &AddingType) < 0
            || PyModule_AddType(made, &PendingType) < 0))
        Py_CLEAR(made);
    return made;
}
