"""Rows of files: values out of them, and what is stored of these into them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.loading import FileRows, codec_of, failing
from acra_twisted.encryption.mysql.plan import Loaded
from acra_twisted.encryption.mysql.storage import ANY, Room
from acra_twisted.wire.mysql.filepatterns import InfileFormat
from tests.support.mysqlplanning import AGE, NAME, PHONE, column

RAW = column("raw", data_type="bytes")
COLUMNS = (None, NAME, AGE, PHONE, RAW)


def rows_of(columns=COLUMNS, charset="utf8mb4", limit=1_000, rooms=None):
    loaded = Loaded(columns, InfileFormat(), charset, rooms or [ANY] * len(columns))
    return FileRows(loaded, codec_of(charset), limit)


def read(data, **more):
    rows = rows_of(**more)
    fed = [*rows.feed(data).rows, *rows.finish().rows]
    return rows, [rows.read(one) for one in fed]


class Values(SynchronousTestCase):
    def test_those_of_protected_columns_are_read(self):
        data = b"\\t\tn\\n\t42\t\xc3\xa9\t\xff\\0\n\\N\t\\N\t\\N\t\\N\t\\N\n"
        rows, [first, second] = read(data)
        self.assertEqual(
            first.secrets,
            [(1, NAME, b"n\n"), (2, AGE, b"42"), (3, PHONE, "é".encode()), (4, RAW, b"\xff\0")],
        )
        self.assertEqual(second.secrets, [])
        self.assertEqual(rows.write(second, []), b"\\N\t\\N\t\\N\t\\N\t\\N\n")

    def test_stored_ones_are_digits(self):
        rows, [row] = read(b"\\t\tn\t42\tp\tr\n")
        self.assertEqual(
            rows.write(row, [b"\xe1\n", b"-7", b"tok", b""]), b"\\t\te10a\t-7\t746f6b\t\n"
        )

    def test_characters_are_those_of_the_file(self):
        for charset, codec in (("latin1", "latin-1"), ("utf8", "utf-8"), ("cp1251", "cp1251")):
            data = "\tж\n" if charset == "cp1251" else "\té\n"
            _, [row] = read(data.encode(codec), columns=(None, NAME), charset=charset)
            self.assertEqual(row.secrets[0].plaintext, data.strip().encode())
        _, [row] = read("é\n".encode(), columns=(NAME,), charset="binary")
        self.assertEqual(row.secrets[0].plaintext, "é".encode())

    def test_the_latin1_of_servers_has_more_characters(self):
        _, [row] = read(b"\x80\n", columns=(NAME,), charset="latin1")
        self.assertEqual(row.secrets[0].plaintext, "€".encode())
        _, [row] = read(b"\x81\n", columns=(NAME,), charset="latin1")
        self.assertEqual(row.secrets[0].plaintext, "\x81".encode())
        rows = rows_of(columns=(NAME,), charset="ascii")
        [one] = rows.feed(b"\x81\n").rows
        self.assertRaises(ValueRefusedError, rows.read, one)

    def test_what_is_longer_than_its_column(self):
        """A server cuts it, since a client's file is loaded as with IGNORE."""
        rows, [row] = read(
            b"n\tp\n", columns=(NAME, PHONE), rooms=[Room(4), Room(2, "utf8mb4", True)]
        )
        self.assertEqual(rows.write(row, [b"1234", "éé".encode()]), b"31323334\tc3a9c3a9\n")
        for stored, name in (([b"12345", b"1"], "name"), ([b"1234", b"123"], "phone")):
            error = self.assertRaises(ValueRefusedError, rows.write, row, stored)
            self.assertEqual((error.sqlstate, error.column), (b"22001", f"people.{name}"))

    def test_character_sets_that_are_not_read(self):
        for charset in ("gbk", "sjis", "big5", "utf16", "ucs2", "nothing", "", "?", "a'b"):
            self.assertRaises(ValueRefusedError, codec_of, charset)

    def test_values_that_are_refused(self):
        for data, number in ((b"\tn\t4x\tp\tr\n", b"22P02"), (b"\t\xff\t1\tp\tr\n", b"22021")):
            rows = rows_of()
            [row] = rows.feed(data).rows
            error = self.assertRaises(ValueRefusedError, rows.read, row)
            self.assertEqual(error.sqlstate, number)
            self.assertIn("people.", str(error))

    def test_files_that_are_refused(self):
        error = self.assertRaises(ValueRefusedError, read, b"a\n")
        self.assertEqual(error.sqlstate, b"22000")
        error = self.assertRaises(ValueRefusedError, rows_of(limit=5).feed, b"aaaaaaa")
        self.assertIn("too long", str(error))

    def test_a_row_that_makes_the_database_fail(self):
        self.assertEqual(failing(COLUMNS), b"\\N\t(\t(\t(\t(\n")

    @given(st.binary(max_size=60))
    def test_any_bytes(self, data):
        try:
            rows, found = read(data)
        except ValueRefusedError:
            return
        for row in found:
            made = rows.write(row, [b"7" for _ in row.secrets])
            self.assertEqual((made.count(b"\t"), made.count(b"\n")), (4, 1))
