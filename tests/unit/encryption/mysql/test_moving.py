"""Statements that change stored values; tests/integration/test_mysql_migrating.py has them run."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.migrating import CHANGES, DECRYPT, ENCRYPT, REENCRYPT, REWRAP
from acra_twisted.encryption.mysql import moving
from acra_twisted.encryption.mysql.moving import Key
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import Column, Index, KeyPart, Schema, Table
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from tests.support.mysqlplanning import EMAIL, NAME, PHONE, column

ID = Column("id", "int", nullable=False)
STORED = Column("name", "varbinary", 400)
PRIMARY = Index("PRIMARY", [KeyPart("id")], True)


def table(*columns, own=(NAME,), indexes=(PRIMARY,)):
    """A protected table."""
    setting = TableSetting("", "people", (), {one.name: one for one in own})
    made = Table("shop", "pe`ople", columns, indexes)._replace(name="people")
    [found] = Protection(Schema(1, [made]), EncryptionSettings([setting])).tables
    return found


class Tables(SynchronousTestCase):
    def refused(self, function, *given):
        return str(self.assertRaises(ConfigError, function, *given))

    def test_columns_that_hold_both_forms_are_changed_in_place(self):
        email = Column("EMAIL", "blob", 65_535)
        for change in CHANGES:
            found = moving.parts(table(ID, email, STORED, own=(NAME, EMAIL)), change)
            self.assertEqual([one.source for one in found], [email, STORED])
            self.assertFalse(any(one.beside or one.target is not one.source for one in found))

    def test_second_columns(self):
        text, number = Column("name", "varchar", 80), Column("phone", "int")
        beside = Column("NAME__ACRA", "varbinary", 400), Column("phone__acra", "varchar", 80)
        given = table(ID, text, number, *beside, own=(NAME, PHONE))
        found = moving.parts(given, ENCRYPT)
        expected = [(text, beside[0]), (number, beside[1])]
        self.assertEqual([(one.source, one.target) for one in found], expected)
        self.assertTrue(all(one.beside for one in found))
        for told, source, target in (
            ("no text that is the same", text._replace(type="timestamp"), beside[0]),
            ("no text that is the same", text._replace(type="geometry"), beside[0]),
            ("no text that is the same", text._replace(type="float"), beside[0]),
            ("too short", text, beside[0]._replace(length=80)),
            ("computes", text, beside[0]._replace(expression="`a`")),
        ):
            said = self.refused(moving.parts, table(ID, source, target), ENCRYPT)
            self.assertIn(told, said)
            self.assertNotIn("--ddl", said)
        self.assertIn("character set", self.refused(moving.parts, given, REWRAP))
        back = table(ID, STORED, Column("name__acra", "varchar", 80))
        [part] = moving.parts(back, DECRYPT)
        self.assertTrue(part.beside)
        [part] = moving.parts(back, REWRAP)
        self.assertFalse(part.beside)

    def test_tokens_that_a_switch_has_put_there_stay(self):
        phones = Column("phone", "varchar", 80), Column("PHONE__before", "int")
        switched = table(ID, *phones, own=(PHONE,))
        for change in (ENCRYPT, REENCRYPT, REWRAP):
            self.assertEqual(moving.parts(switched, change), [])
        self.assertIn("looks like any value", self.refused(moving.parts, switched, DECRYPT))

    def test_values_that_a_switch_has_put_back_are_no_tokens(self):
        back = table(
            ID, Column("phone", "varchar", 80), Column("PHONE__stored", "int"), own=(PHONE,)
        )
        self.assertIn("looks like any value", self.refused(moving.parts, back, ENCRYPT))

    def test_a_second_column_is_filled_whatever_a_switch_has_left(self):
        phones = Column("phone", "varchar", 80), Column("phone__before", "int")
        second = Column("phone__acra", "varchar", 80)
        for change in (ENCRYPT, DECRYPT):
            [part] = moving.parts(table(ID, *phones, second, own=(PHONE,)), change)
            self.assertEqual(part.target, second)

    def test_columns_that_cannot_be_changed_as_they_are(self):
        for text, found in (
            ("has a character set", table(ID, Column("name", "varchar", 80))),
            ("too short", table(ID, Column("name", "varbinary", 80))),
            ("computes", table(ID, STORED._replace(expression="`a`"))),
            ("looks like any value", table(ID, Column("phone", "varchar", 80), own=(PHONE,))),
        ):
            self.assertIn(text, self.refused(moving.parts, found, ENCRYPT))
        tokens = table(ID, Column("phone", "varchar", 80), own=(PHONE,))
        self.assertEqual(moving.parts(tokens, REWRAP), [])
        truth = table(ID, STORED, own=(column("name", data_type="bool"),))
        self.assertIn("elsewhere", self.refused(moving.parts, truth, DECRYPT))
        self.assertTrue(moving.parts(truth, ENCRYPT))

    def test_the_key(self):
        other = Column("mail", "varchar", 80, nullable=False)
        unique = Index("by_mail", [KeyPart("mail"), KeyPart("id")], True)
        found = moving.key(table(ID, other, STORED, indexes=(unique, PRIMARY)))
        self.assertEqual(found, Key("PRIMARY", [ID]))
        found = moving.key(table(ID, other, STORED, indexes=(unique,)))
        self.assertEqual(found, Key("by_mail", [other, ID]))

    def test_keys_that_do_not_serve(self):
        null = Column("id", "int")
        for columns, index in (
            ((ID, STORED), None),
            ((ID, STORED), PRIMARY._replace(unique=False)),
            ((null, STORED), PRIMARY),
            ((Column("id", "double", nullable=False), STORED), PRIMARY),
            ((Column("id", "timestamp", nullable=False), STORED), PRIMARY),
            ((ID, STORED._replace(nullable=False)), Index("k", [KeyPart("name")], True)),
            ((Column("m", "varchar", nullable=False), STORED), Index("k", [KeyPart("m", 9)], True)),
            ((ID, STORED), Index("k", [KeyPart("")], True)),
        ):
            given = table(*columns, indexes=(index,) if index else ())
            self.assertIn("it needs a primary key", self.refused(moving.key, given))


class Forms(SynchronousTestCase):
    def test_facts(self):
        rows = [(b"table", b"innodb", b"base table", b"12"), (b"clock", b"C3BC", None, None)]
        self.assertEqual(moving.read_facts(rows), moving.Facts(12, "", ["ü"]))
        for engine, kind, trouble in (
            (b"myisam", b"base table", "make it InnoDB"),
            (None, b"view", "view"),
            (b"innodb", b"system versioned", "versioning"),
        ):
            found = moving.read_facts([(b"table", engine, kind, None)])
            self.assertIn(trouble, found.trouble)
        self.assertRaises(ConfigError, moving.read_facts, [])
        self.assertIn(f"x'{b'shop'.hex()}'", moving.facts_question(table(ID, STORED).table))

    def test_values_are_bytes_as_they_are_shown(self):
        self.assertEqual(moving.stored(STORED, b"\0x"), b"\0x")
        [part] = moving.parts(table(ID, STORED, own=(column("name", data_type="int32"),)), ENCRYPT)
        self.assertEqual(moving.plaintext(part, b"42"), b"42")

    def test_a_time_of_day_is_not_lost(self):
        [part] = moving.parts(table(ID, STORED, own=(column("name", data_type="date"),)), ENCRYPT)
        for text in (b"2020-01-01", b"2020-01-01 00:00:00", b"2020-01-01 00:00:00.000"):
            self.assertEqual(moving.plaintext(part, text), b"2020-01-01")
        for text in (
            *(b"2020-01-01 12:34:56", b"2020-01-01 00:00:00.000001", b"2020-01-01T12:34"),
            *(b"2020-01-01 00:00:00Z", b"2020-01-01 +01"),
        ):
            self.assertRaises(ValueRefusedError, moving.plaintext, part, text)

    def test_digits_are_not_lost(self):
        own = (column("name", data_type="float8"),)
        number = b"123456789012345678.5"
        for kind, text, expected in (
            ("double", b"1.2345678901234568e17", b"1.2345678901234568e+17"),
            ("decimal", b"0.10", b"0.1"),
            ("varchar", b"0.10000000000000001", b"0.1"),
            ("decimal", b"0.10000000000000001", None),
            ("decimal", number, None),
            ("varchar", number, None),
            ("bigint", b"9007199254740993", None),
        ):
            source = Column("name", kind, 80)
            beside = Column("name__acra", "varbinary", 400)
            [part] = moving.parts(table(ID, source, beside, own=own), ENCRYPT)
            if expected is None:
                self.assertRaises(ValueRefusedError, moving.plaintext, part, text)
            else:
                self.assertEqual(moving.plaintext(part, text), expected)
