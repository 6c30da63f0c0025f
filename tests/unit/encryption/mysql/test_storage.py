"""Types that hold what is stored."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.mysql.storage import definition, misfit, overhead, room
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
            (Column("a", "varbinary", 600), 600),
            (Column("a", "varchar", 400, "utf8mb4"), 100),
            (Column("a", "varchar", 300, "utf8mb3"), 100),
            (Column("a", "varchar", 200, "gbk"), 100),
            (Column("a", "varchar", 400, "utf16"), 100),
            (Column("a", "varchar", 100, "latin1"), 100),
            (Column("a", "text", 65_535, "utf8mb4"), 65_535),
            (Column("a", "int"), -1),
        ):
            self.assertEqual(room(column), expected, column)

    def test_definitions_hold_what_they_say(self):
        self.assertEqual(definition(EMAIL), "VARBINARY(438)")
        self.assertEqual((definition(AGE), definition(PHONE)), ("INT", "VARCHAR(255)"))
