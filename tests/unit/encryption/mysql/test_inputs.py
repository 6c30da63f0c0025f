"""Parameters of MySQL's clients in their canonical form."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.inputs import from_parameter
from acra_twisted.encryption.plan import STORE, Use
from acra_twisted.encryption.settings import DATA_TYPES, ColumnSetting

UNSIGNED = 0x8000
DAY = struct.pack("<HBB", 2026, 11, 29)


def use(data_type, cut=-1):
    return Use(ColumnSetting("", "t", "c", data_type=data_type), STORE, "VALUES", cut)


def read(data_type, kind, value, encoding="utf-8", cut=-1):
    return from_parameter(use(data_type, cut), kind, value, encoding)


class Values(SynchronousTestCase):
    def test_values_by_their_kinds(self):
        block = acrablock.create(b"x", b"s" * 32, b"", lambda size: b"r" * size)
        container = envelopes.wrap(envelopes.ACRABLOCK, block)
        for data_type, kind, value, expected in (
            ("", 252, b"\0\xff", b"\0\xff"),
            ("bytes", 253, b"abc\xff", b"abc\xff"),
            ("str", 253, "é".encode(), "é".encode()),
            ("str", 252, "é".encode(), "é".encode()),
            ("str", 252, container, b"\\x" + container.hex().encode()),
            ("str", 8, (-5).to_bytes(8, "little", signed=True), b"-5"),
            ("str", 12, DAY + bytes((1, 2, 3)), b"2026-11-29 01:02:03"),
            ("str", 12, DAY + bytes((1, 2, 3)) + b"\5\0\0\0", b"2026-11-29 01:02:03.000005"),
            ("int32", 3, b"\xff\xff\xff\xff", b"-1"),
            ("int64", 3 | UNSIGNED, b"\xff\xff\xff\xff", b"4294967295"),
            ("int32", 1, b"\x80", b"-128"),
            ("int32", 253, b"42", b"42"),
            ("int32", 246, b"42", b"42"),
            ("int32", 5, struct.pack("<d", 42.0), b"42"),
            ("bool", 1, b"\1", b"t"),
            ("bool", 253, b"0", b"f"),
            ("float8", 5, struct.pack("<d", 1.5), b"1.5"),
            ("float8", 246, b"1.50", b"1.5"),
            ("float8", 3, b"\7\0\0\0", b"7"),
            ("date", 10, DAY, b"2026-11-29"),
            ("date", 12, DAY + bytes(3), b"2026-11-29"),
            ("date", 253, b"2026-11-29", b"2026-11-29"),
            (
                *("uuid", 253, b"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
                b"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            ),
        ):
            self.assertEqual(read(data_type, kind, value), expected, (data_type, kind, value))

    def test_values_that_do_not_belong_there(self):
        for data_type, kind, value in (
            ("int32", 253, b"4x"),
            ("int32", 8, (1 << 31).to_bytes(8, "little")),
            ("int32", 252, b"42"),
            ("int32", 5, struct.pack("<d", 1.5)),
            ("int32", 5, struct.pack("<d", float("inf"))),
            ("str", 5, struct.pack("<d", 1.5)),
            ("str", 253, b"\xff"),
            ("str", 252, b"\xff"),
            ("float8", 4, struct.pack("<f", 1.1)),
            ("float8", 5, struct.pack("<d", float("nan"))),
            ("date", 10, b""),
            ("date", 3, b"\1\0\0\0"),
            ("bool", 1, b"\2"),
            ("str", 11, bytes(12)),
            ("int32", 10, DAY),
        ):
            with self.assertRaises(ValueRefusedError, msg=(data_type, kind, value)):
                read(data_type, kind, value)

    def test_characters_of_another_set(self):
        self.assertEqual(read("str", 253, b"\xe9", "mysql_latin1"), "é".encode())
        self.assertEqual(read("str", 253, b"e", ""), b"e")
        self.assertRaises(ValueRefusedError, read, "str", 253, b"\xe9", "")

    def test_a_cast_cuts_characters(self):
        self.assertEqual(read("str", 253, "éab".encode(), cut=2), "éa".encode())
        self.assertRaises(ValueRefusedError, read, "str", 3, b"\1\0\0\0", "utf-8", 2)

    @example("", 4, b"")
    @given(st.sampled_from(DATA_TYPES), st.integers(0, 255), st.binary(max_size=20))
    def test_any_value_is_read_or_refused(self, data_type, kind, value):
        try:
            found = read(data_type, kind, value)
        except ValueRefusedError:
            return
        self.assertIsInstance(found, bytes)
