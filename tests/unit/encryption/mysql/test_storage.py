"""Types that hold what is stored."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.mysql.storage import (
    Room,
    check_room,
    definition,
    misfit,
    overhead,
    room,
)
from tests.support.mysqlplanning import AGE, EMAIL, NAME, PHONE


class Fit(SynchronousTestCase):
    def test_bytes_with_room(self):
        self.assertEqual(overhead(NAME), 150)
        self.assertEqual(overhead(EMAIL), 183)
        for kind, length in (("varbinary", 184), ("blob", 65_535), ("longblob", -1)):
            self.assertEqual(misfit(EMAIL, Column("email", kind, length)), "")

    def test_what_cannot_hold_it(self):
        for kind, length, why in (
            ("varbinary", 183, "too short"),
            ("tinyblob", 100, "too short"),
            ("varchar", 600, "character set"),
            ("text", 65_535, "character set"),
            ("json", -1, "cannot hold"),
            ("binary", 600, "cannot hold"),
            ("int", -1, "cannot hold"),
        ):
            self.assertIn(why, misfit(EMAIL, Column("email", kind, length)))

    def test_tokens(self):
        self.assertEqual(misfit(AGE, Column("age", "int")), "")
        self.assertEqual(misfit(PHONE, Column("phone", "varchar", 40, "latin1")), "")
        self.assertIn("tokens", misfit(AGE, Column("age", "smallint")))
        self.assertIn("tokens", misfit(PHONE, Column("phone", "int")))

    def test_room(self):
        for column, expected in (
            (Column("a", "varbinary", 600), (600, "", False)),
            (Column("a", "varchar", 400, "utf8mb4"), (100, "utf8mb4", True)),
            (Column("a", "varchar", 300, "utf8mb3"), (100, "utf8mb3", True)),
            (Column("a", "varchar", 200, "gbk"), (100, "gbk", True)),
            (Column("a", "varchar", 400, "utf16"), (100, "utf16", True)),
            (Column("a", "varchar", 100, "latin1"), (100, "latin1", True)),
            (Column("a", "text", 65_535, "utf8mb4"), (65_535, "utf8mb4", False)),
            (Column("a", "int"), (-1, "", False)),
        ):
            self.assertEqual(room(column), expected, column)

    def test_what_is_longer_than_its_room_is_refused(self):
        euros = "€" * 10
        for held, longest, longer in (
            (Room(10, "utf8mb4", True), euros, euros + "a"),
            (Room(10, "ucs2", True), euros, euros + "a"),
            (Room(30, "utf8mb4"), euros, euros + "a"),
            (Room(20, "ucs2"), euros, euros + "a"),
            (Room(20, "ucs2"), "a" * 10, "a" * 11),
            (Room(40, "utf32"), "a" * 10, "a" * 11),
            (Room(22, "utf16"), euros + "a", euros + "😀"),
            (Room(10, "latin1"), "é" * 10, "é" * 11),
            (Room(21, "gbk"), euros + "a", euros + "ab"),
            (Room(10), "a" * 10, "é" * 10),
        ):
            check_room(PHONE, longest.encode(), held)
            with self.assertRaises(ValueRefusedError, msg=held):
                check_room(PHONE, longer.encode(), held)
        check_room(PHONE, b"a" * 1_000, Room())
        with self.assertRaises(ValueRefusedError):
            check_room(NAME, b"\xff" * 11, Room(10))

    def test_definitions_hold_what_they_say(self):
        self.assertEqual(definition(EMAIL), "VARBINARY(438)")
        self.assertEqual((definition(AGE), definition(PHONE)), ("INT", "VARCHAR(255)"))
