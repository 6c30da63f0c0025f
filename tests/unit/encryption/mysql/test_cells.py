"""Types and cells of protected columns as MySQL's clients see them."""

import struct

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.cells import collation_of, described, to_cell
from acra_twisted.wire.mysql.columndefinitions import modifier_of
from acra_twisted.wire.mysql.types import character_set

#: NOT NULL, a key, and what a BLOB has.
BEFORE = modifier_of(63, 0x0001 | 0x0008 | 0x0010 | 0x0080, 0)


class Types(SynchronousTestCase):
    def test_what_a_client_is_told(self):
        for data_type, kind, flags, charset, decimals in (
            ("str", 253, 0x0009, 45, 0),
            ("bytes", 252, 0x0099, 63, 0),
            ("int32", 3, 0x0089, 63, 0),
            ("int64", 8, 0x0089, 63, 0),
            ("int16", 2, 0x0089, 63, 0),
            ("bool", 1, 0x0089, 63, 0),
            ("float8", 5, 0x0089, 63, 31),
            ("uuid", 254, 0x0009, 45, 0),
            ("date", 10, 0x0089, 63, 0),
        ):
            found = described(data_type, BEFORE, 45)
            self.assertEqual(found[0], kind)
            self.assertEqual(found[2], modifier_of(charset, flags, decimals), data_type)

    def test_a_column_without_a_type_stays(self):
        self.assertIsNone(described("", BEFORE, 45))

    def test_collations(self):
        for name in ("utf8mb4", "latin1", "utf8mb3", "cp1251", "koi8r"):
            found = character_set(collation_of(name), mariadb=True)
            self.assertEqual(found, name.encode())
        self.assertEqual(collation_of(""), 63)
        self.assertEqual(collation_of("klingon"), 63)


class Cells(SynchronousTestCase):
    def test_in_text_and_in_binary(self):
        for data_type, plaintext, text, binary in (
            ("", b"\0\xff", b"\0\xff", b"\0\xff"),
            ("str", "é".encode(), "é".encode(), "é".encode()),
            ("int16", b"-2", b"-2", b"\xfe\xff"),
            ("int32", b"-2", b"-2", b"\xfe\xff\xff\xff"),
            ("int64", b"7", b"7", b"\7" + bytes(7)),
            ("bool", b"t", b"1", b"\1"),
            ("bool", b"f", b"0", b"\0"),
            ("float8", b"1.5", b"1.5", struct.pack("<d", 1.5)),
            ("date", b"2026-11-29", b"2026-11-29", b"\4" + struct.pack("<HBB", 2026, 11, 29)),
            ("uuid", b"a-b", b"a-b", b"a-b"),
        ):
            self.assertEqual(to_cell(data_type, plaintext, False, "utf-8"), text)
            self.assertEqual(to_cell(data_type, plaintext, True, "utf-8"), binary)

    def test_values_that_mysql_does_not_have(self):
        for data_type, plaintext in (
            *(("float8", b"NaN"), ("float8", b"-Infinity")),
            *(("date", b"infinity"), ("date", b"0044-03-15 BC"), ("date", b"12026-01-01")),
        ):
            for binary in (False, True):
                with self.assertRaises(ValueRefusedError):
                    to_cell(data_type, plaintext, binary, "utf-8")
