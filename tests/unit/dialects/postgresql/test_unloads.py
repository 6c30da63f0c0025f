"""Rows that a client reads with COPY ... TO STDOUT, value by value."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.unloads import Unloading
from acra_twisted.errors import WireError
from acra_twisted.exchange import Unload
from acra_twisted.wire.postgres.copyformat import CopyDataError
from tests.support.copied import cut
from tests.support.sessions import message

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)


def unloading(limit=1000, count=2, **options):
    return Unloading(Unload(options, ("a", "b")[:count], (0, 17)[:count]), "UTF8", limit)


def binary(*values):
    cells = [b"\xff" * 4 if one is None else len(one).to_bytes(4, "big") + one for one in values]
    return len(values).to_bytes(2, "big") + b"".join(cells)


class Rows(SynchronousTestCase):
    def changed(self, made, *pieces):
        """The messages for the client when x is made ``<tab>X``, and y NULL; and the values."""
        found, values = b"", []
        for piece in pieces:
            rows = made.feed(piece, made.columns)
            for row in range(len(rows)):
                values.append(tuple(rows.cells(row)))
                for column, value in enumerate(values[-1]):
                    if value in (b"x", b"y"):
                        rows.set_cell(row, column, b"\tX" if value == b"x" else None)
            found += rows.encode()
        made.finish()
        return found, values

    def test_values_change_in_their_format(self):
        for options, data, sent in (
            ({}, b"1\tx\n", b"1\t\\tX\n"),
            ({}, b"a\\tb\ty\n", b"a\\tb\t\\N\n"),
            ({"null": "nil"}, b"nil\ty\n", b"nil\tnil\n"),
            ({"format": "csv", "delimiter": "\t"}, b'"1"\tx\n', b'"1"\t"\tX"\n'),
            ({"format": "csv", "force_quote": "*"}, b'"1","x"\n', b'"1","\tX"\n'),
            ({"format": "csv"}, b'"a\nb",y\n', b'"a\nb",\n'),
        ):
            self.assertEqual(self.changed(unloading(**options), data)[0], message(b"d", sent))

    def test_a_header_is_no_row(self):
        made, values = self.changed(unloading(format="csv", header=None), b"x,y\n", b"1,x\n")
        self.assertEqual(made, message(b"d", b"x,y\n") + message(b"d", b"1,\tX\n"))
        self.assertEqual(values, [(b"1", b"x")])

    def test_the_header_in_binary_comes_with_the_first_row(self):
        rows = [binary(b"1", b"x"), binary(None, b"y")]
        end = b"\xff\xff"
        made, values = self.changed(unloading(format="binary"), HEAD + rows[0], rows[1] + end)
        self.assertEqual(
            made,
            message(b"d", HEAD + binary(b"1", b"\tX"))
            + message(b"d", binary(None, None))
            + message(b"d", end),
        )
        self.assertEqual(values, [(b"1", b"x"), (None, b"y")])
        self.assertEqual(
            self.changed(unloading(format="binary"), HEAD + end)[0],
            message(b"d", HEAD) + message(b"d", end),
        )

    @given(st.lists(st.integers(0, 200)), st.sampled_from(("text", "csv", "binary")))
    def test_fr5_however_the_database_cuts_them(self, places, form):
        data = {
            "text": b"1\tx\n2\ty\n\\N\tsome\\nthing\n",
            "csv": b'1,x\n2,y\n,"some\nthing"\n',
            "binary": HEAD
            + binary(b"1", b"x")
            + binary(b"2", b"y")
            + binary(None, b"some\nthing")
            + b"\xff\xff",
        }[form]
        made, values = self.changed(unloading(format=form), *cut(data, places))
        self.assertEqual(values, [(b"1", b"x"), (b"2", b"y"), (None, b"some\nthing")])
        count = {"text": 3, "csv": 3, "binary": 4}[form]
        self.assertIn(made.count(b"d\0\0"), range(count, count + 2))

    def test_the_columns(self):
        made = unloading(format="binary")
        self.assertTrue(made.is_binary)
        columns = made.columns
        self.assertEqual((columns.names, columns.types), ([b"a", b"b"], (0, 17)))
        self.assertEqual(columns.formats, [1, 1])
        self.assertEqual(unloading().columns.formats, [0, 0])

    def test_rows_that_are_none(self):
        for options, data in (
            ({}, b"1\t2\t3\n"),
            ({}, b"1\n"),
            ({}, b"1\t" + b"2" * 2000),
            ({"format": "csv"}, b"1,2,3\n"),
            ({"format": "csv"}, b'1,"2'),
            ({}, b"1\t2"),
            ({"format": "binary"}, HEAD + binary(b"1")),
            ({"format": "binary"}, b"no header at all, as it seems"),
        ):
            self.assertRaises(WireError, self.changed, unloading(**options), data)

    def test_options_that_cannot_be_followed(self):
        self.assertRaises(CopyDataError, unloading, encoding="LATIN1")
