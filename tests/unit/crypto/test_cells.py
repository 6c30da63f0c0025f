"""Containers in cells: hexadecimal, escape and binary bytea, JSON, arrays, COPY lines."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import cells, envelopes
from tests.unit.crypto.test_envelopes import BLOCK, KINDS, STRUCT

WHOLE = [*KINDS, *(envelopes.wrap(kind, inner) for inner, kind in KINDS.items())]


def escape(data):
    return cells._WRITE[cells.ESCAPE](data)


class Forms(SynchronousTestCase):
    """Text before and behind, and the content put in the container's place."""

    def check(self, cell, form, inner, rebuilt):
        self.assertTrue(cells.might_contain(cell, form == cells.RAW))
        (sighting,) = cells.find(cell)
        self.assertEqual((sighting.form, sighting.data), (form, inner))
        if rebuilt is not None:
            self.assertEqual(cells.replace(cell, [(sighting, b"pl\\ain\0")]), rebuilt)

    text = st.binary(max_size=30).filter(lambda data: b"\\" not in data)

    @given(st.sampled_from(WHOLE), st.binary(max_size=30), st.binary(max_size=30))
    def test_binary(self, whole, before, behind):
        inner = whole[12:] if whole[:1] == b"%" else whole
        self.check(before + whole + behind, cells.RAW, inner, before + b"pl\\ain\0" + behind)

    @given(st.sampled_from(WHOLE), st.binary(max_size=30), st.binary(max_size=30))
    def test_hexadecimal(self, whole, before, behind):
        inner = whole[12:] if whole[:1] == b"%" else whole
        cell = b"\\x" + (before + whole + behind).hex().encode()
        expected = b"\\x" + (before + b"pl\\ain\0" + behind).hex().encode()
        self.check(cell, cells.HEX, inner, expected)

    @given(st.sampled_from(WHOLE), st.binary(max_size=30), st.binary(max_size=30))
    def test_escape(self, whole, before, behind):
        inner = whole[12:] if whole[:1] == b"%" else whole
        cell = escape(before + whole + behind)
        expected = escape(before + b"pl\\ain\0" + behind)
        self.check(cell, cells.ESCAPE, inner, expected)

    def test_en10_inside_json_arrays_and_copy(self):
        for whole in WHOLE:
            inner = whole[12:] if whole[:1] == b"%" else whole
            digits, plain = whole.hex(), b"pl\\ain\0".hex()
            for pattern in ('{"a": "\\\\x%s"}', '{"\\\\x%s",NULL}', "1\t\\\\x%s\tb\n", "%s"):
                cell, expected = (pattern % text for text in (digits, plain))
                self.check(cell.encode(), cells.HEX, inner, expected.encode())
            escaped = escape(whole).decode()
            for cell in (json.dumps([escaped]), "1\t" + escaped.replace("\\", "\\\\")):
                self.check(cell.encode(), cells.ESCAPE_TWICE, inner, None)

    def test_two_in_a_cell(self):
        cell = b"\\x" + (STRUCT + b"--" + BLOCK).hex().encode()
        first, second = cells.find(cell)
        expected = b"\\x" + b"a--b".hex().encode()
        self.assertEqual(cells.replace(cell, [(first, b"a"), (second, b"b")]), expected)
        cell = f"{STRUCT.hex()},{BLOCK.hex()}".encode()
        self.assertEqual([s.data for s in cells.find(cell)], [STRUCT, BLOCK])

    def test_two_escaped_ones(self):
        cell = escape(b"\\a" + STRUCT + b"-\0-" + BLOCK + b"\xff")
        found = cells.find(cell)
        self.assertEqual([s.data for s in found], [STRUCT, BLOCK])
        rebuilt = cells.replace(cell, [(found[0], b"one"), (found[1], b"two")])
        self.assertEqual(rebuilt, escape(b"\\aone-\0-two\xff"))

    def test_a_mark_of_the_other_pairing_hides_nothing(self):
        mark = envelopes.MARKS[0].hex()
        cell = f"{mark}0{STRUCT.hex()}".encode()
        self.assertEqual([s.data for s in cells.find(cell)], [STRUCT])


class Nothing(SynchronousTestCase):
    @given(st.binary(max_size=200))
    def test_garbage(self, data):
        for cell in (data, b"\\x" + data.hex().encode(), escape(data)):
            self.assertEqual(cells.find(cell), [])
        self.assertFalse(cells.might_contain(data, True))
        marks = (*cells._HEX_MARKS, *envelopes.MARKS, *cells._ESCAPED_MARKS)
        for mark in (*marks, *cells._ESCAPED_MARKS_TWICE):
            cells.might_contain(data + mark, True)
            for sighting in cells.find(data[:20] + mark + data[20:]):
                self.assertGreater(sighting.end, sighting.start)
