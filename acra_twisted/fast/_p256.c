/* The square root that a compressed point of P-256 asks for, by additions of exponents in the
 * field's own arithmetic; OpenSSL takes it by exponentiation for any modulus: 20 us, this 9.
 * Points are public, so nothing here needs to take the same time for all of them.  Whoever makes
 * a key of the point has OpenSSL verify that it lies on the curve.  Measured in
 * docs/performance.rst.
 *
 * Source: SEC 1, 2.3.4; the constants, FIPS 186-4, D.1.2.3.  Numbers are four limbs of 64 bits,
 * the lowest first, in Montgomery's form (times 2^256) and always below p.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <string.h>

#define COORDINATE 32
#define COMPRESSED (1 + COORDINATE)
#define UNCOMPRESSED (1 + 2 * COORDINATE)

typedef uint64_t number[4];
typedef unsigned __int128 wide;

/* 2^256 - 2^224 + 2^192 + 2^96 - 1 */
static const number P = {
    0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001,
};
static const number B = {
    0x3bce3c3e27d2604b, 0x651d06b0cc53b0f6, 0xb3ebbd55769886bc, 0x5ac635d8aa3a93e7,
};
/* 2^512 modulo p: multiplying with it leads into Montgomery's form. */
static const number SQUARE_OF_R = {
    0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd,
};
static const number ONE = {1, 0, 0, 0};

/* out = a - b; 1 if that is below zero. */
static uint64_t
subtract(number out, const number a, const number b)
{
    uint64_t borrow = 0;

    for (int i = 0; i < 4; i++) {
        wide difference = (wide)a[i] - b[i] - borrow;

        out[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    return borrow;
}

/* out = carry * 2^256 + a, less p if it is not below p. */
static void
reduce(number out, const number a, uint64_t carry)
{
    number less;

    if (subtract(less, a, P) <= carry)
        memcpy(out, less, sizeof(less));
    else
        memcpy(out, a, sizeof(less));
}

static void
add(number out, const number a, const number b)
{
    number sum;
    wide carry = 0;

    for (int i = 0; i < 4; i++) {
        carry += (wide)a[i] + b[i];
        sum[i] = (uint64_t)carry;
        carry >>= 64;
    }
    reduce(out, sum, (uint64_t)carry);
}

static void
subtract_modulo(number out, const number a, const number b)
{
    if (subtract(out, a, b)) {
        wide carry = 0;

        for (int i = 0; i < 4; i++) {
            carry += (wide)out[i] + P[i];
            out[i] = (uint64_t)carry;
            carry >>= 64;
        }
    }
}

/* out = a * b / 2^256 modulo p, a limb of b at a time. */
static void
multiply(number out, const number a, const number b)
{
    uint64_t sum[5] = {0};

    for (int i = 0; i < 4; i++) {
        uint64_t lowest, above;
        wide carry = 0, highest;

        for (int j = 0; j < 4; j++) {
            carry += (wide)a[j] * b[i] + sum[j];
            sum[j] = (uint64_t)carry;
            carry >>= 64;
        }
        carry += sum[4];
        sum[4] = (uint64_t)carry;
        above = (uint64_t)(carry >> 64);
        /* -1/p is 1 modulo 2^64: adding p as often as the lowest limb says makes that zero, and
         * what is added to the others is (p + 1) / 2^64 as often: 2^32, and from the third limb
         * on p's highest. */
        lowest = sum[0];
        highest = (wide)lowest * P[3];
        carry = (wide)sum[1] + (lowest << 32);
        sum[0] = (uint64_t)carry;
        carry = (carry >> 64) + sum[2] + (lowest >> 32);
        sum[1] = (uint64_t)carry;
        carry = (carry >> 64) + sum[3] + (uint64_t)highest;
        sum[2] = (uint64_t)carry;
        carry = (carry >> 64) + sum[4] + (uint64_t)(highest >> 64);
        sum[3] = (uint64_t)carry;
        sum[4] = above + (uint64_t)(carry >> 64);
    }
    reduce(out, sum, sum[4]);
}

/* out = a to the power of 2^times, times b.  In this file out may be one of what it is made of. */
static void
square_times(number out, const number a, int times, const number b)
{
    number power;

    memcpy(power, a, sizeof(power));
    while (times--)
        multiply(power, power, power);
    multiply(out, power, b);
}

/* a to the power of (p + 1) / 4 = 2^94 (2^128 (2^32 - 1) + 2^96 + 1): a root, if there is one. */
static void
root(number out, const number a)
{
    memcpy(out, a, sizeof(number));
    /* 2^1 - 1, 2^2 - 1, 2^4 - 1 and so on, up to 2^32 - 1 */
    for (int bits = 1; bits < 32; bits *= 2)
        square_times(out, out, bits, out);
    square_times(out, out, 32, a);
    square_times(out, out, 96, a);
    for (int i = 0; i < 94; i++)
        multiply(out, out, out);
}

static void
read_number(number out, const unsigned char *bytes)
{
    for (int i = 0; i < 4; i++) {
        out[3 - i] = 0;
        for (int j = 0; j < 8; j++)
            out[3 - i] = out[3 - i] << 8 | bytes[8 * i + j];
    }
}

static void
write_number(unsigned char *bytes, const number a)
{
    for (int i = 0; i < COORDINATE; i++)
        bytes[i] = (unsigned char)(a[3 - i / 8] >> (56 - 8 * (i % 8)));
}

/* y to an x; 0 if x is not below p or no point has it. */
static int
other_coordinate(number y, const number x, int odd)
{
    number a, b, side, scratch;

    if (!subtract(scratch, x, P))
        return 0;
    /* Into Montgomery's form. */
    multiply(a, x, SQUARE_OF_R);
    multiply(b, B, SQUARE_OF_R);
    /* The curve's other side: x^3 - 3x + b */
    multiply(side, a, a);
    multiply(side, side, a);
    add(scratch, a, a);
    add(scratch, scratch, a);
    subtract_modulo(side, side, scratch);
    add(side, side, b);
    root(y, side);
    multiply(scratch, y, y);
    if (memcmp(scratch, side, sizeof(number)) != 0)
        return 0;
    /* And out of it. */
    multiply(y, y, ONE);
    if ((int)(y[0] & 1) != odd)
        subtract(y, P, y);
    return 1;
}

static PyObject *
uncompressed(PyObject *Py_UNUSED(self), PyObject *point)
{
    const unsigned char *bytes;
    unsigned char made[UNCOMPRESSED];
    number x, y;

    if (PyBytes_CheckExact(point) && PyBytes_GET_SIZE(point) == COMPRESSED) {
        bytes = (const unsigned char *)PyBytes_AS_STRING(point);
        read_number(x, bytes + 1);
        if ((bytes[0] == 2 || bytes[0] == 3) && other_coordinate(y, x, bytes[0] == 3)) {
            made[0] = 4;
            memcpy(made + 1, bytes + 1, COORDINATE);
            write_number(made + COMPRESSED, y);
            return PyBytes_FromStringAndSize((const char *)made, UNCOMPRESSED);
        }
    }
    Py_INCREF(point);
    return point;
}

static PyMethodDef methods[] = {
    {"uncompressed", uncompressed, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acra_twisted.fast._p256",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__p256(void)
{
    return PyModule_Create(&module);
}
