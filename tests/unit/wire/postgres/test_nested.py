"""Structures in binary: read to the last byte or not at all, lengths told, nothing raised."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres import nested
from tests.support.nested import (
    BYTEA,
    OWN,
    RECORD,
    TEXT,
    array,
    counted,
    hstore,
    leaf,
    multirange,
    number,
    range_of,
    record,
)
from tests.support.nested import nested as values

HEADER = nested.SIGNATURE + bytes(8)
ONE, TWO = leaf(BYTEA, b"one"), leaf(TEXT, b"two")


def always(start, end):
    return end > start


def read(value):
    """The leaves of a built value and its bytes."""
    data = value[1](lambda part: part)
    return nested.leaves(data, 0, len(data), value[0], always), data


def shown(value):
    found, data = read(value)
    return [(data[one.start : one.end], one.oid, len(one.lengths), one.whole) for one in found]


class Reading(SynchronousTestCase):
    def test_each_structure(self):
        both = [(b"one", BYTEA, 1, False), (b"two", TEXT, 1, False)]
        self.assertEqual(shown(record([ONE, TWO])), both)
        self.assertEqual(shown(record([ONE, TWO], OWN)), both)
        self.assertEqual(shown(array([ONE, None, ONE], BYTEA)), [both[0]] * 2)
        self.assertEqual(shown(array([ONE] * 4, BYTEA, OWN, [2, 2])), [both[0]] * 4)
        self.assertEqual(shown(hstore([(TWO, None), (TWO, TWO)])), [both[1]] * 3)
        bound = [(b"two", 0, 1, False)]
        self.assertEqual(shown(range_of(TWO, None)), bound)
        self.assertEqual(shown(range_of(TWO, TWO)), bound * 2)
        self.assertEqual(shown(multirange([range_of(TWO, None)])), [(b"two", 0, 2, False)])
        inside = record([array([record([ONE])], RECORD, 2287), TWO])
        self.assertEqual(shown(inside), [(b"one", BYTEA, 3, False), both[1]])

    def test_every_length_that_counts_a_value_is_told(self):
        (deep, _), data = read(record([array([record([ONE])], RECORD, 2287), TWO]))
        for place in deep.lengths:
            (size,) = struct.unpack_from(">i", data, place)
            self.assertLessEqual(deep.end, place + 4 + size)
        self.assertEqual(deep.lengths[-1], deep.start - 4)

    def test_a_type_that_is_no_structure(self):
        self.assertEqual(shown(leaf(BYTEA, number(1) + bytes(20)))[0][1:], (BYTEA, 0, False))
        # Another type of PostgreSQL's own, and text or bytes of a type that nobody knows.
        self.assertEqual(shown(leaf(1700, bytes(9))), [(bytes(9), 1700, 0, True)])
        self.assertEqual(shown(leaf(OWN, b"text")), [(b"text", OWN, 0, False)])
        self.assertEqual(shown(leaf(OWN, b"\0")), [(b"\0", OWN, 0, True)])

    def test_a_byte_more_or_less_and_it_is_no_structure(self):
        for value in (record([ONE]), array([ONE], BYTEA), hstore([(TWO, TWO)]), range_of(TWO, TWO)):
            data = value[1](lambda part: part)
            for wrong in (data + b"\0", data[:-1]):
                self.assertEqual(shown(leaf(OWN, wrong)), [(wrong, OWN, 0, True)])
        count = len(nested.leaves(b"", 0, 0, OWN, always))
        self.assertEqual(count, 1)

    def test_what_cannot_be(self):
        elements = counted(b"x") * 2
        shape = number(2) + number(0)
        for wrong in (
            number(0) + number(0) + number(17) + shape + elements,
            number(7) + number(0) + number(17) + shape * 7 + elements,
            number(1) + number(2) + number(17) + shape + elements,
            number(1) + number(0) + number(1) + shape + elements,
            number(1) + number(0) + number(17) + number(-2) + number(0) + elements,
            number(1) + number(0) + number(17) + number(1 << 30) + number(0) + elements,
            number(1) + number(0) + number(17) + shape + counted(b"x") + number(-1),
            number(1) + number(0) + number(17) + shape + counted(b"x") + number(-2),
            number(6) + number(0) + number(17) + shape,
        ):
            self.assertEqual(shown(leaf(1001, wrong)), [(wrong, 1001, 0, True)])

    def test_where_two_structures_fit_none_is_taken(self):
        # One pair of an hstore: its key begins with a length.
        pair = number(1) + counted(b"k" * 16) + counted(b"value")
        self.assertEqual([one[0] for one in shown(leaf(OWN, pair))], [b"k" * 16, b"value"])
        both = pair.replace(b"kkkk", number(len(pair) - 12), 1)
        self.assertEqual(shown(leaf(OWN, both)), [(both, OWN, 0, True)])
        # What is known to be a composite is one.
        self.assertEqual(shown(leaf(RECORD, both)), [(both[12:], 16, 1, True)])

    def test_not_deeper_than_allowed(self):
        value = ONE
        for _ in range(nested.MAX_DEPTH + 1):
            value = record([value])
        ((_, oid, depth, whole),) = shown(value)
        self.assertEqual((oid, depth, whole), (RECORD, nested.MAX_DEPTH, True))

    def test_only_what_concerns_the_caller(self):
        value = array([ONE, leaf(BYTEA, b"longer")], BYTEA)
        data = value[1](lambda part: part)
        found = nested.leaves(data, 0, len(data), 1001, lambda start, end: end - start > 3)
        self.assertEqual([data[one.start : one.end] for one in found], [b"longer"])

    @given(values)
    def test_whatever_is_built_is_read(self, value):
        found, data = read(value)
        for one in found:
            if not one.lengths:
                # By chance its bytes have two structures: then it stays as stored.
                self.assertEqual((one.start, one.end, one.whole), (0, len(data), True))
                self.assertGreaterEqual(value[0], nested.OWN_TYPES)
            for place in one.lengths:
                self.assertLessEqual(one.end, place + 4 + int.from_bytes(data[place : place + 4]))

    @given(values, st.data())
    def test_fr4_damaged_values_raise_nothing(self, value, data):
        made = bytearray(value[1](lambda part: part))
        for _ in range(data.draw(st.integers(1, 4))):
            made[data.draw(st.integers(0, len(made) - 1))] ^= data.draw(st.integers(1, 255))
        wrong = bytes(made[: data.draw(st.integers(0, len(made)))])
        for oid in (value[0], 0, RECORD, 1001):
            for one in nested.leaves(wrong, 0, len(wrong), oid, always):
                self.assertLessEqual(0, one.start)
                self.assertLessEqual(one.end, len(wrong))
                self.assertLessEqual(len(one.lengths), nested.MAX_DEPTH)


def tuple_of(*fields):
    return number(len(fields), 2) + b"".join(map(counted, fields))


class Copied(SynchronousTestCase):
    """Messages of a binary COPY of two columns."""

    ROW = tuple_of(b"a", None)

    def follow(self, *messages):
        tuples = nested.CopiedTuples(2)
        return [tuples.whole(data, 0, len(data)) for data in messages]

    def test_as_postgresql_sends_it(self):
        end = number(-1, 2)
        self.assertEqual(self.follow(HEADER + self.ROW, self.ROW, end), [True] * 3)
        self.assertEqual(self.follow(HEADER, self.ROW * 2 + end), [True] * 2)
        self.assertEqual(self.follow(HEADER + end), [True])
        extended = nested.SIGNATURE + bytes(4) + counted(b"extension")
        self.assertEqual(self.follow(extended + self.ROW), [True])

    def test_anything_else_is_not_whole_tuples(self):
        for wrong in (
            self.ROW[:-1],
            self.ROW + b"\0",
            tuple_of(b"a"),
            tuple_of(b"a", b"b", b"c"),
            number(2, 2) + number(-2) + number(-1),
            number(2, 2) + number(9) + b"short",
            number(-1, 2) + self.ROW,
        ):
            self.assertEqual(self.follow(HEADER + self.ROW, wrong), [True, False])
        for wrong in (
            self.ROW,
            HEADER[:-1],
            nested.SIGNATURE + number(1 << 16) + bytes(4) + self.ROW,
            nested.SIGNATURE + bytes(4) + number(9) + self.ROW[:5],
        ):
            self.assertEqual(self.follow(wrong), [False])

    def test_the_fields(self):
        data = HEADER + tuple_of(b"one", None) + tuple_of(b"", b"two") + number(-1, 2)
        fields = [data[one.length + 4 : one.end] for one in nested.copied(data)]
        self.assertEqual(fields, [b"one", b"", b"", b"two"])

    @given(st.binary(max_size=60), st.integers(0, 3))
    def test_fr4_random_messages_raise_nothing(self, data, columns):
        for message in (data, HEADER + data):
            nested.CopiedTuples(columns).whole(message, 0, len(message))
            for one in nested.copied(message):
                self.assertLessEqual(one.end, len(message))
