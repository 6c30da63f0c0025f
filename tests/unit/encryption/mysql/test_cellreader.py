"""Cells of protected columns of MySQL, read for one client."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, cells, envelopes
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.cellreader import CellReader, TokenReader
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.settings import DEFAULT_VALUE, ERROR, TOKENIZED, ColumnSetting


def container(text):
    return envelopes.wrap(envelopes.ACRABLOCK, acrablock.create(text, b"s" * 32, b"", os.urandom))


def reader(data_type="str", binary=False, encoding="utf-8", **more):
    setting = ColumnSetting("", "t", "c", data_type=data_type, **more)
    return CellReader(ColumnReader(setting), binary, encoding)


def opened(stored, content):
    (sighting,) = cells.find_raw(stored)
    return [(sighting, content)]


class Protected(SynchronousTestCase):
    def test_what_was_opened_has_its_type(self):
        stored = container(b"42")
        found = opened(stored, b"42")
        self.assertEqual(reader("str").read(stored, found), b"42")
        self.assertEqual(reader("int32").read(stored, found), b"42")
        self.assertEqual(reader("int32", True).read(stored, found), b"\x2a\0\0\0")

    def test_what_did_not_open(self):
        stored = container(b"42")
        self.assertEqual(reader("str").read(stored), b"0x" + stored.hex().encode())
        self.assertEqual(reader("").read(stored), stored)
        self.assertRaises(ValueRefusedError, reader("int32").read, stored)
        self.assertRaises(ValueRefusedError, reader("str", on_failure=ERROR).read, stored)
        shown = reader("int32", True, on_failure=DEFAULT_VALUE, default=b"-1").read(stored)
        self.assertEqual(shown, b"\xff\xff\xff\xff")

    def test_what_was_never_encrypted(self):
        self.assertEqual(reader("str").read("é".encode()), "é".encode())
        self.assertEqual(reader("int64", True).read(b"7"), b"\7" + bytes(7))
        self.assertIsNone(reader("str", on_plaintext="null").read(b"x"))

    def test_characters_that_the_client_lacks(self):
        stored = container("Ж".encode())
        found = opened(stored, "Ж".encode())
        self.assertRaises(ValueRefusedError, reader(encoding="latin-1").read, stored, found)

    def test_characters_that_are_not_as_in_ascii(self):
        stored, wide = container(b"42"), "utf-16-be"
        found = opened(stored, b"42")
        for data_type in ("str", "int32"):
            self.assertEqual(reader(data_type, False, wide).read(stored, found), b"\x004\x002")
        self.assertEqual(reader("int32", True, wide).read(stored, found), b"\x2a\0\0\0")
        self.assertEqual(reader("", False, wide).read(stored, found), b"42")
        self.assertEqual(reader("str", False, wide).read(stored), f"0x{stored.hex()}".encode(wide))


class Tokens(SynchronousTestCase):
    def reader(self, kind, wire, binary=False, **more):
        data_type = {"email": "str"}.get(kind, kind)
        setting = ColumnSetting(
            *("", "t", "c"), kind=TOKENIZED, token_type=kind, data_type=data_type, **more
        )
        return TokenReader(setting, wire, "utf-8", binary, "utf-8")

    def test_tokens_by_their_types(self):
        for kind, wire, binary, cell, token, value, shown in (
            ("int32", 3, False, b"-7", b"-7", b"42", b"42"),
            ("int32", 3, True, b"\xf9\xff\xff\xff", b"-7", b"42", b"\x2a\0\0\0"),
            ("int32", 8, True, b"\7" + bytes(7), b"7", b"42", b"\x2a\0\0\0"),
            ("int64", 8, True, b"\7" + bytes(7), b"7", b"42", b"\x2a" + bytes(7)),
            ("str", 253, True, b"abc", b"abc", "é".encode(), "é".encode()),
            ("bytes", 252, False, b"\xff", b"\xff", b"\0", b"\0"),
            ("email", 253, False, b"a@b.c", b"a@b.c", b"x@y.z", b"x@y.z"),
        ):
            reading = self.reader(kind, wire, binary)
            reading.note(cell)
            self.assertEqual(reading.tokens, [token])
            reading.values = {token: value}
            self.assertEqual(reading.read(cell), shown)

    def test_no_token_of_the_client(self):
        reading = self.reader("int32", 3)
        reading.note(b"5")
        self.assertEqual(reading.read(b"5"), b"5")
        reading = self.reader("int32", 3, on_failure=ERROR)
        reading.note(b"5")
        self.assertRaises(ValueRefusedError, reading.read, b"5")
