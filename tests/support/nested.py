"""Builds PostgreSQL's binary forms of values that hold values; a twin holds plaintext instead.

A value is a tuple of its type's number and a function that writes its bytes: it is given another
function, which writes the parts of leaves.  A `Secret` is a part that stands for a container.
"""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

BYTEA, TEXT, JSONB, RECORD, RECORDS = 17, 25, 3802, 2249, 2287
#: As a database numbers types of its users: composite, domain, range, multirange, hstore.
OWN = 16_500


class Secret(bytes):
    """A plaintext; ``hexed``: its container stands there in digits."""

    hexed = False

    @classmethod
    def in_digits(cls, text):
        made = cls(text)
        made.hexed = True
        return made


def number(value, size=4):
    return value.to_bytes(size, "big", signed=True)


def counted(value):
    """Behind its length; None is NULL."""
    return number(-1) if value is None else number(len(value)) + value


def leaf(oid, *parts):
    return oid, lambda write: b"".join(map(write, parts))


def written(value, write):
    return None if value is None else value[1](write)


def array(values, element, oid=1001, dimensions=None):
    def make(write):
        nulls = any(value is None for value in values)
        sizes = dimensions or [len(values)]
        head = number(len(sizes)) + number(int(nulls)) + number(element)
        head += b"".join(number(size) + number(1) for size in sizes)
        return head + b"".join(counted(written(value, write)) for value in values)

    return oid, make


def record(values, oid=RECORD):
    def make(write):
        fields = (number(value[0]) + counted(written(value, write)) for value in values)
        return number(len(values)) + b"".join(fields)

    return oid, make


def reads_as_range(data):
    """Tell whether these bytes could be a range with two bounds that are excluded."""
    lower = int.from_bytes(data[1:5], "big")
    behind = data[5 + lower :]
    return data[0] == 0 and len(behind) >= 4 and behind == counted(behind[4:])


def range_of(lower, upper, oid=OWN):
    def make(write):
        flags = 2 | (8 if lower is None else 0) | (16 if upper is None else 0)
        bounds = (counted(written(v, write)) for v in (lower, upper) if v is not None)
        return bytes([flags]) + b"".join(bounds)

    return oid, make


def multirange(ranges, oid=OWN):
    return (
        oid,
        lambda write: (
            number(len(ranges)) + b"".join(counted(written(one, write)) for one in ranges)
        ),
    )


def hstore(pairs, oid=OWN):
    def make(write):
        items = (counted(written(k, write)) + counted(written(v, write)) for k, v in pairs)
        return number(len(pairs)) + b"".join(items)

    return oid, make


plaintexts = st.binary(min_size=1, max_size=40)
secrets = plaintexts.map(Secret)
hexed = plaintexts.map(Secret.in_digits)
words = st.text('abc{}\\",() ', max_size=8).map(str.encode)
byteas = st.lists(st.one_of(st.binary(max_size=9), secrets, hexed), max_size=3).map(
    lambda parts: leaf(BYTEA, *parts)
)
texts = st.tuples(words, hexed, words).map(lambda parts: leaf(TEXT, *parts))
jsonbs = hexed.map(lambda secret: leaf(JSONB, b'\1{"a": "\\\\x', secret, b'"}'))
#: Of a type nobody knows: all of it a container, or text.
strange = st.one_of(
    secrets.map(lambda secret: leaf(OWN, secret)),
    hexed.map(lambda secret: leaf(OWN, b"\\x", secret)),
    st.tuples(words, hexed).map(lambda parts: leaf(OWN, *parts)),
)
numbers = st.integers(0, 1 << 30).map(lambda n: leaf(23, number(n)))


def _no_range(value):
    """The same value; one whose bytes also read like a range is no example.

    A record, an array, a multirange and an hstore begin with a small number N in four bytes: a zero
    byte, which are the flags of a range without its bounds, and three of four bytes of the length
    of a lower bound.  The fourth is a zero byte too: of a type's number, of a length or of the
    flag for NULLs.  So that bound is 256 * N bytes long.  If the last length in the value happens
    to stand behind it, that one counts the upper bound.  Bounds may be any bytes: no look at them
    tells which of the two it is.
    """
    oid, make = value

    def checked(write):
        made = make(write)
        assume(not reads_as_range(made))
        return made

    return oid, checked


def _holders(values):
    some = st.lists(values, min_size=1, max_size=3)
    one_kind = values.flatmap(lambda v: st.tuples(st.just(v), st.integers(1, 3), st.booleans()))
    return st.one_of(
        some.map(record),
        some.map(lambda vs: record(vs, OWN)),
        one_kind.map(
            lambda p: array([p[0]] * p[1] + [None] * p[2], p[0][0], 1001 if p[0][0] < OWN else OWN)
        ),
        values.map(lambda v: array([v] * 6, v[0], 1001, [2, 3])),
        st.tuples(st.none() | strange, strange).map(lambda bounds: range_of(*bounds)),
        st.lists(strange.map(lambda v: range_of(v, None)), min_size=1, max_size=3).map(multirange),
        st.lists(st.tuples(texts, st.none() | texts), min_size=1, max_size=3).map(hstore),
    ).map(_no_range)


leaves = st.one_of(byteas, texts, jsonbs, strange, numbers)
#: Values that hold values, up to some levels deep.
nested = _holders(st.recursive(leaves, _holders, max_leaves=6))
