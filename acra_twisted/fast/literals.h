/* Texts of statements beside the keys of their skeletons: see sql/skeleton.py. */
#ifndef ACRA_TWISTED_LITERALS_H
#define ACRA_TWISTED_LITERALS_H

#include <Python.h>

#include <stdint.h>
#include <string.h>

/* Marks of literals in a key. */
#define STRING_MARK 1
#define NUMBER_MARK 4

/* Where a literal begins and ends, its quotes included. */
struct literal {
    const unsigned char *start, *end;
};

/* A bit for each of eight bytes, the first one's the lowest, of which the lowest that is set belongs
 * to the first byte below 8, as marks of literals are. */
static inline uint64_t
low_bytes(uint64_t eight)
{
    const uint64_t ones = 0x0101010101010101u;

    return (eight - 8 * ones) & ~eight & 0x80 * ones;
}

/* Eight bytes, the first one the lowest. */
static inline uint64_t
eight_bytes(const unsigned char *at)
{
    uint64_t found;

    memcpy(&found, at, 8);
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(found) : found;
}

/* Bytes that the compiler takes at once. */
typedef unsigned char sixteen __attribute__((vector_size(16)));

/* Whether sixteen bytes of a text are the same in its key, none of them below 8. */
static inline int
are_same_sixteen(const unsigned char *text, const unsigned char *key)
{
    sixteen wanted, found;
    uint64_t other[2];

    memcpy(&wanted, key, 16);
    memcpy(&found, text, 16);
    wanted = (wanted ^ found) | (sixteen)(wanted < 8);
    memcpy(other, &wanted, 16);
    return !(other[0] | other[1]);
}

/* How many of `left` bytes of a text are the same in its key, up to the first one below 8. */
static inline Py_ssize_t
same_bytes(const unsigned char *text, const unsigned char *key, Py_ssize_t left)
{
    Py_ssize_t at = 0;

    if (left < 8) {
        while (at < left && text[at] == key[at] && key[at] >= 8)
            at++;
        return at;
    }
    while (at + 16 <= left && are_same_sixteen(text + at, key + at))
        at += 16;
    if (at + 8 > left)
        /* The last eight may have been seen in part. */
        at = left - 8;
    for (;;) {
        uint64_t wanted = eight_bytes(key + at);
        uint64_t other = (wanted ^ eight_bytes(text + at)) | low_bytes(wanted);

        if (other)
            /* What comes before is the same. */
            return at + __builtin_ctzll(other) / 8;
        if (at + 8 >= left)
            return left;
        at = at + 16 <= left ? at + 8 : left - 8;
    }
}

/* Whether a text has a key, if its numbers are digits alone and its strings ASCII without
 * backslashes; of others it says no.  `key` is one that may be kept.  `literals`, if they are not
 * NULL, have room for all that the key has. */
static inline int
has_key(PyObject *text, PyObject *whole_key, struct literal *literals)
{
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(text), *start;
    const unsigned char *end = at + PyBytes_GET_SIZE(text);
    const unsigned char *key = (const unsigned char *)PyBytes_AS_STRING(whole_key);
    const unsigned char *key_end = key + PyBytes_GET_SIZE(whole_key);

    for (;; key++) {
        /* Most of a text is the same in its key. */
        Py_ssize_t same = same_bytes(at, key, key_end - key < end - at ? key_end - key : end - at);

        key += same;
        at += same;
        if (key == key_end)
            return at == end;
        if (at == end)
            return 0;
        start = at;
        if (*key == NUMBER_MARK) {
            while (at < end && (unsigned char)(*at - '0') < 10)
                at++;
            if (at == start)
                return 0;
        }
        else if (*key == STRING_MARK) {
            if (*at != '\'')
                return 0;
            for (at++; at < end && *at != '\''; at++)
                if (*at < ' ' || *at >= 0x7f || *at == '\\')
                    return 0;
            if (at == end)
                return 0;
            at++;
        }
        else if (*at++ != *key)
            return 0;
        else
            continue;
        if (literals != NULL) {
            literals->start = start;
            literals->end = at;
            literals++;
        }
    }
}

/* The digit of a number below 16. */
static inline char
hex_digit(unsigned number)
{
    return (char)(number + '0' + (number > 9 ? 'a' - '0' - 10 : 0));
}

/* Write bytes as digits. */
static inline void
write_hex(char *to, const char *data, Py_ssize_t size)
{
    const unsigned char *bytes = (const unsigned char *)data;
    Py_ssize_t i;

    /* No way out before the end: the compiler takes many bytes at once. */
    for (i = 0; i < size; i++) {
        to[2 * i] = hex_digit(bytes[i] >> 4);
        to[2 * i + 1] = hex_digit(bytes[i] & 15);
    }
}

#endif
