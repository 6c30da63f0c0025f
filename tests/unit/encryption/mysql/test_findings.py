"""Findings about a MySQL server."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.misfits import ERROR, NOTICE, WARNING
from acra_twisted.encryption.mysql.findings import findings
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import (
    EVENT,
    ROUTINE,
    TRIGGER,
    VIEW,
    Code,
    Column,
    ForeignKey,
    Index,
    KeyPart,
    Schema,
    Table,
)
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from tests.support.mysqlplanning import EMAIL, NAME, PHONE

_KEY = Index("k", [KeyPart("email", 33)], True)


def found(*columns, own=(EMAIL,), tables=None, listed=(), **schema):
    """The findings about a table with these columns: level, label and text."""
    setting = TableSetting("", "people", listed, {one.name: one for one in own})
    indexes = schema.pop("indexes", [_KEY])
    if tables is None:
        tables = [Table("shop", "people", columns, indexes)]
    protection = Protection(Schema(1, tables, **schema), EncryptionSettings([setting]))
    return findings(protection, ["peopel"])


_FIT = Column("email", "varbinary", 600)


class Columns(SynchronousTestCase):
    def one(self, *columns, **rest):
        (only,) = found(*columns, **rest)
        return only

    def test_what_fits_has_none(self):
        self.assertEqual(found(Column("id", "int"), _FIT), [])

    def test_types(self):
        only = self.one(Column("email", "varchar", 600, "utf8mb4"))
        self.assertEqual((only.level, only.label), (ERROR, "people.email"))
        self.assertIn("VARBINARY", only.remedy)
        only = self.one(Column("phone", "varchar", 60, "utf16"), own=(PHONE,))
        self.assertEqual(only.level, ERROR)

    def test_values_that_the_database_makes(self):
        self.assertEqual(self.one(_FIT._replace(default_in_clear=True)).level, ERROR)
        self.assertEqual(self.one(_FIT._replace(expression="`x`")).level, ERROR)
        other = Column("n", "int", expression="octet_length(`EMAIL`)")
        self.assertIn("column n", self.one(_FIT, other).text)

    def test_a_server_that_cuts(self):
        self.assertEqual(self.one(_FIT, strict=False).level, WARNING)

    def test_a_server_that_heeds_no_checks(self):
        only = self.one(_FIT, checked=False)
        self.assertEqual(only.level, WARNING)
        self.assertIn("check_constraint_checks", only.text)


class Keys(SynchronousTestCase):
    def levels(self, *indexes, own=EMAIL):
        return [
            one.level for one in found(_FIT._replace(name=own.name), own=(own,), indexes=indexes)
        ]

    def test_a_searchable_column_has_one_on_its_prefix(self):
        self.assertEqual(self.levels(), [NOTICE])
        self.assertEqual(self.levels(Index("k", [KeyPart("email", 32)])), [NOTICE])
        self.assertEqual(self.levels(Index("k", [KeyPart("id"), KeyPart("email", 33)])), [NOTICE])
        for length in (0, 33, 100):
            self.assertEqual(self.levels(Index("k", [KeyPart("email", length)])), [])

    def test_a_unique_one_has_just_the_prefix(self):
        self.assertEqual(self.levels(Index("k", [KeyPart("email", 33)], True)), [])
        self.assertEqual(self.levels(Index("k", [KeyPart("email", 34)], True)), [WARNING])
        self.assertEqual(self.levels(Index("k", [KeyPart("name", 33)], True), own=NAME), [WARNING])
        self.assertEqual(self.levels(Index("k", [KeyPart("name", 33)]), own=NAME), [NOTICE])

    def test_foreign_keys(self):
        key = ForeignKey("f", ("shop", "orders", "email"), ("shop", "people", "email"))
        self.assertIn("foreign key f", found(_FIT, foreign_keys=[key])[0].text)


class Tables(SynchronousTestCase):
    def test_what_is_not_there(self):
        (only,) = found(tables=[])
        self.assertEqual(only.level, ERROR)
        self.assertIn("peopel", only.text)
        (only,) = found(Column("emial", "blob"), indexes=[])
        self.assertIn("emial", only.text)

    def test_two_of_a_name_and_another_order(self):
        tables = [Table(name, "people", [_FIT], [_KEY]) for name in ("a", "b")]
        self.assertEqual([one.level for one in found(tables=tables)], [NOTICE])
        self.assertEqual([one.level for one in found(_FIT, listed=("x", "email"))], [WARNING])

    def test_columns_that_nobody_sees_may_be_left_out(self):
        hidden = Column("email__before", "int", invisible=True)
        for listed in (("email",), ("email", "email__before")):
            self.assertEqual(found(_FIT, hidden, listed=listed), [])
        (only,) = found(_FIT, hidden._replace(invisible=False), listed=("email",))
        self.assertIn("not the order", only.text)


class Uses(SynchronousTestCase):
    def test_code_that_uses_it(self):
        code = [
            Code(VIEW, "shop", "v", "select 1 from people"),
            Code(ROUTINE, "shop", "r", None),
            Code(TRIGGER, "shop", "t", "SET NEW.email = 'secret'", "people"),
            Code(EVENT, "shop", "e", "DELETE FROM people"),
        ]
        told = found(_FIT, code=code)
        self.assertEqual(
            [(one.level, one.label) for one in told],
            [
                (WARNING, "shop.people"),
                (WARNING, "shop.e"),
                (WARNING, "shop.r"),
                (NOTICE, "shop.v"),
            ],
        )
        self.assertNotIn("secret", "".join(one.text for one in told))

    def test_many_are_counted(self):
        code = [Code(VIEW, "shop", f"v{n}", "select 1 from people") for n in range(150)]
        told = found(_FIT, code=code)
        self.assertEqual(len(told), 101)
        self.assertIn("50 more", told[-1].text)
