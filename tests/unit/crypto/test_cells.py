"""Containers in cells: hexadecimal, escape and binary bytea, JSON, arrays, COPY lines."""

import json
import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import cells, envelopes
from acra_twisted.wire.postgres.nested import Leaf
from tests.unit.crypto.test_envelopes import BLOCK, KINDS, STRUCT

WHOLE = [*KINDS, *(envelopes.wrap(kind, inner) for inner, kind in KINDS.items())]


def escape(data):
    return cells._WRITE[cells.ESCAPE](data)


def twice(text):
    return text.replace("\\", "\\\\")


def composite(text):
    """A composite's text: in quotes, and quotes and backslashes are doubled."""
    return '(1,"' + twice(text).replace('"', '""') + '")'


class Placing(SynchronousTestCase):
    """In cells that hold other values."""

    def test_lengths_are_put_right(self):
        cell = b"head" + (len(STRUCT) + 2).to_bytes(4, "big") + b"<" + STRUCT + b">" + b"tail"
        leaf = Leaf(8, 8 + len(STRUCT) + 2, 17, (4,), False)
        (one,) = cells.place(cell, cells.find(cell), [leaf])
        self.assertEqual((one.form, one.lengths), (cells.RAW, (4,)))
        self.assertEqual(cells.replace(cell, [(one, b"plain")]), b"head\0\0\0\7<plain>tail")

    def test_what_is_in_no_value_is_left(self):
        cell = b"..." + STRUCT + BLOCK
        leaf = Leaf(3 + len(STRUCT), len(cell), 0, (), True)
        left, placed = cells.place(cell, cells.find(cell), [leaf])
        self.assertEqual((left.form, left.data), (cells.UNUSUAL, STRUCT))
        self.assertEqual((placed.form, placed.data), (cells.RAW, BLOCK))

    def test_only_what_fills_a_value_of_which_nothing_is_known(self):
        for value, form in (
            (STRUCT, cells.RAW),
            (STRUCT.hex().encode(), cells.HEX),
            (b"\\x" + STRUCT.hex().encode(), cells.HEX),
            (escape(STRUCT), cells.ESCAPE),
            (STRUCT + b"\0", cells.UNUSUAL),
            (b"\0" + STRUCT, cells.UNUSUAL),
            (b"\\x" + STRUCT.hex().encode() + b"\0", cells.UNUSUAL),
        ):
            found = cells.place(value, cells.find(value), [Leaf(0, len(value), 0, (), True)])
            self.assertEqual([one.form for one in found], [form])

    def test_a_part_with_a_syntax_of_its_own(self):
        """A plaintext could hold what ends a string in JSON."""
        text = escape(STRUCT)
        cell = len(text).to_bytes(4, "big") + text
        for oid, form in ((25, cells.ESCAPE), (114, cells.UNUSUAL)):
            leaf = Leaf(4, len(cell), oid, (0,), False)
            (one,) = cells.place(cell, cells.find(cell), [leaf])
            self.assertEqual(one.form, form)

    def test_once_each_however_it_is_written(self):
        cell = twice(escape(STRUCT).decode()).encode()
        found = cells.place(cell, cells.find(cell), [Leaf(0, len(cell), 0, (), False)])
        self.assertEqual([one.form for one in found], [cells.UNUSUAL])

    def test_a_length_never_wraps(self):
        cell = b"\x7f\xff\xff\xff" + BLOCK
        one = cells.find(cell)[0].within(0, (0,))
        self.assertRaises(struct.error, cells.replace, cell, [(one, bytes(len(BLOCK) + 1))])


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
        # One quote more could be a quote that is doubled.
        before = before.rstrip(b'"')
        inner = whole[12:] if whole[:1] == b"%" else whole
        cell = escape(before + whole + behind)
        expected = escape(before + b"pl\\ain\0" + behind)
        self.check(cell, cells.ESCAPE, inner, expected)

    def test_en10_inside_json_arrays_and_copy(self):
        for whole in WHOLE:
            inner = whole[12:] if whole[:1] == b"%" else whole
            head = inner[: envelopes.HEAD_SIZE]
            digits, plain = whole.hex(), b"pl\\ain\0".hex()
            for pattern in ('{"a": "\\\\x%s"}', '{"\\\\x%s",NULL}', "1\t\\\\x%s\tb\n", "%s"):
                cell, expected = (pattern % text for text in (digits, plain))
                self.check(cell.encode(), cells.HEX, inner, expected.encode())
            escaped = escape(whole).decode()
            for level in range(4):
                for cell in (json.dumps([escaped]), f"1\t{twice(escaped)}\t2", composite(escaped)):
                    self.assertTrue(cells.might_contain(cell.encode(), False))
                    found = cells.find(cell.encode())
                    # A quote in it can be read in two ways.
                    self.assertEqual({one.form for one in found}, {cells.UNUSUAL})
                    self.assertIn(head, [one.data for one in found])
                escaped = (json.dumps([escaped]), twice(escaped), composite(escaped))[level % 3]

    def test_en10_quotes_that_are_doubled(self):
        """CSV doubles quotes alone: what is in it is seen, and what stands there is not touched."""
        for whole in WHOLE:
            inner = whole[12:] if whole[:1] == b"%" else whole
            cell = b'1,"%b",2' % escape(whole).replace(b'"', b'""')
            found = cells.find(cell)
            self.assertEqual({one.form for one in found}, {cells.UNUSUAL})
            self.assertIn(inner[: envelopes.HEAD_SIZE], [one.data[:145] for one in found])

    def test_a_syntax_of_its_own(self):
        """A plaintext could hold what ends a string there; digits cannot."""
        (one,) = cells.find(escape(STRUCT), syntax=True)
        self.assertEqual(one.form, cells.UNUSUAL)
        (one,) = cells.find(STRUCT.hex().encode(), syntax=True)
        self.assertEqual(one.form, cells.HEX)

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

    def test_of_different_forms_in_a_cell(self):
        cell = STRUCT.hex().encode() + b"-" + escape(BLOCK)
        found = cells.find(cell, False)
        self.assertEqual([one.form for one in found], [cells.HEX, cells.ESCAPE])
        cell = escape(BLOCK) + b"-" + STRUCT.hex().encode()
        found = cells.find(cell, False)
        self.assertEqual([one.form for one in found], [cells.ESCAPE, cells.HEX])

    def test_bytes_as_they_are_stand_in_binary_values_alone(self):
        self.assertEqual(len(cells.find(b"-" + STRUCT, True)), 1)
        self.assertEqual(cells.find(b"-" + STRUCT, False), [])

    def test_a_quote_behind_it_is_none_before_it(self):
        for whole in WHOLE:
            (one,) = cells.find(escape(whole) + b'"', False)
            self.assertEqual(one.form, cells.ESCAPE)

    def test_what_lies_too_deep_is_not_replaced(self):
        data = BLOCK
        for _ in range(envelopes.MAX_DEPTH):
            data = STRUCT[:137] + (60 + len(data)).to_bytes(8, "little") + b"x" * 60 + data
        for cell, form in ((data, cells.RAW), (b"\\x" + data.hex().encode(), cells.HEX)):
            forms = [one.form for one in cells.find(cell)]
            self.assertEqual(forms, [form] * envelopes.MAX_DEPTH + [cells.UNUSUAL])

    def test_long_values_are_converted_in_pieces(self):
        """Wherever a piece ends, and in both directions."""
        for size in (256 * 1024, 256 * 1024 + 1, 700_001):
            junk = bytes(range(1, 255)) * (size // 254 + 1)
            before = junk[:size]
            cell = b"\\x" + (before + BLOCK + junk[: size // 2]).hex().encode()
            (one,) = cells.find(cell)
            self.assertEqual((one.data, one.start), (BLOCK, 2 + 2 * size))
            rebuilt = cells.replace(cell, [(one, before)])
            self.assertEqual(rebuilt, b"\\x" + (before + before + junk[: size // 2]).hex().encode())

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
        for mark in (*cells._HEX_MARKS, *envelopes.MARKS, *cells._ALL_ESCAPED_MARKS):
            cells.might_contain(data + mark, True)
            for sighting in cells.find(data[:20] + mark + data[20:]):
                self.assertGreater(sighting.end, sighting.start)
