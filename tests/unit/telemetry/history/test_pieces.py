"""Pieces as bytes, and bytes that are none."""

import zlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.pieces import (
    Allowance,
    Damaged,
    Exhausted,
    pack,
    unpack,
    unpack_spans,
)
from acra_twisted.telemetry.tracing.records import as_record
from tests.support.sample_spans import sample

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


class Packing(SynchronousTestCase):
    @given(PLAIN)
    def test_what_is_packed_comes_back(self, value):
        self.assertEqual(unpack(pack(value)), value)

    @given(st.binary(max_size=200) | PLAIN.map(pack) | st.none() | st.text())
    def test_anything_else_is_damaged(self, data):
        try:
            for record in unpack_spans(data):
                self.assertIsInstance(record["attributes"], dict)
        except Damaged:
            pass

    @given(st.data())
    def test_spans_of_other_kinds_are_damaged(self, data):
        records = [as_record(span, "acra-server") for span in sample()]
        self.assertEqual(unpack_spans(pack(records)), records)
        name = data.draw(st.sampled_from(sorted(records[0].keys() - {"sampled"})))
        records[1][name] = data.draw(st.sampled_from([None, [1], {"a": 1}, 1.5, "x", 3]))
        original = as_record(sample()[1], "acra-server")[name]
        try:
            unpack_spans(pack(records))
        except Damaged:
            return
        self.assertIs(type(records[1][name]), type(original))

    def test_halves_of_characters_do_not_come_back(self):
        told = {"half \ud800": ["\udfff", "\U0001f600", "\\ud800", 5, None]}
        shown = {"half ?": ["?", "\U0001f600", "\\ud800", 5, None]}
        self.assertEqual(unpack(pack(told)), shown)
        for data in (b'"\xed\xa0\x80"', '"a"'.encode("utf-16"), '"a"'.encode("utf-32")):
            self.assertRaises(Damaged, unpack, zlib.compress(data))

    def test_what_is_no_finite_number_is_none(self):
        told = b'{"a": NaN, "b": [Infinity, -Infinity, 1e999, -1e999], "c": 1.5, "d": "NaN"}'
        self.assertEqual(
            unpack(zlib.compress(told)), {"a": None, "b": [None] * 4, "c": 1.5, "d": "NaN"}
        )
        self.assertEqual(unpack(zlib.compress(b"1" + b"0" * 400 + b".5")), None)

    def test_times_are_some(self):
        for changes, fit in (
            ({"start": 0, "end": (1 << 63) - 1}, True),
            ({"end": 10**400}, False),
            ({"end": 1 << 63}, False),
            ({"start": -1}, False),
            ({"start": 5, "end": 4}, False),
            ({"events": [{"time": 10**400, "name": "x", "attributes": {}}]}, False),
            ({"events": [{"time": -1, "name": "x", "attributes": {}}]}, False),
        ):
            packed = pack([{**as_record(sample()[0], "acra-server"), **changes}])
            if fit:
                unpack_spans(packed)
            else:
                self.assertRaises(Damaged, unpack_spans, packed)

    @given(PLAIN)
    def test_an_answer_has_an_allowance(self, value):
        packed = pack(value)
        left = Allowance()
        self.assertEqual(unpack(packed, left), value)
        self.assertLess(left.left, pieces.ANSWER_MAX)
        self.assertRaises(Exhausted, unpack, packed, Allowance(0))

    def test_nothing_large_is_allocated(self):
        bomb = zlib.compress(b" " * (pieces.UNPACKED_MAX + 1) + b"[]")
        self.assertRaises(Damaged, unpack, bomb)
        self.assertRaises(Damaged, pack, "x" * pieces.UNPACKED_MAX)
        deep = zlib.compress(b"[" * 100_000)
        self.assertRaises(Damaged, unpack, deep)
        self.assertRaises(Damaged, unpack, pack([1, 2, 3])[:-3])


class Fields(SynchronousTestCase):
    def test_texts_can_be_kept(self):
        self.assertEqual(pieces.searchable("a\ud800b"), "a?b")
        self.assertEqual(pieces.searchable("x" * 1000), "x" * pieces.TEXT_MAX)
        self.assertEqual(pieces.searchable(5), "5")

    def test_numbers_can_be_kept(self):
        self.assertEqual(pieces.whole(1 << 80), (1 << 63) - 1)
        self.assertEqual(pieces.whole(-(1 << 80)), 1 - (1 << 63))
        self.assertEqual((pieces.whole(7), pieces.whole("7"), pieces.whole(None)), (7, 0, 0))

    def test_shares_are_a_whole(self):
        self.assertEqual(len(pieces.SHELVES), len(pieces.SHARES))
        self.assertEqual(sum(pieces.SHARES), 100)
