"""Statements that change stored values; tests/integration/test_migrating.py has them run."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.migrating import CHANGES, DECRYPT, ENCRYPT, REENCRYPT, REWRAP
from acra_twisted.encryption.postgresql import moving
from acra_twisted.encryption.postgresql.moving import Part, Values
from acra_twisted.encryption.postgresql.schema import Attribute, Relation
from acra_twisted.errors import ConfigError
from tests.unit.encryption.postgresql.test_protection import protection, settings

TEXT, BYTEA, INT4, BPCHAR, TIMESTAMP = 25, 17, 23, 1042, 1114
INT8, JSON, FLOAT4, DATE, BIT, NUMERIC = 20, 114, 700, 1082, 1560, 1700


def attribute(name, number, base=BYTEA, **more):
    return Attribute(name, number, base, base, type_name=f"type{base}", **more)


def relation(oid, name, *attributes, kind="r", parents=()):
    return Relation(oid, "public", name, kind, attributes, parents=parents)


def setting(label="people.name", **changed):
    [found] = settings(label, **changed).columns
    return found


NAME = attribute("name", 1)
PEOPLE = relation(1, "people", NAME, attribute("age", 2, INT4), attribute("age__acra", 3))
AGE = setting("people.age", data_type="int32")


class Tables(SynchronousTestCase):
    def test_the_rows_are_those_of_partitions_and_children(self):
        made = protection(
            [
                relation(1, "people", NAME, kind="p"),
                relation(2, "younger", NAME, parents=(1,)),
                relation(3, "older", NAME, parents=(1,), kind="p"),
                relation(4, "oldest", NAME, parents=(3,)),
                relation(5, "others", NAME),
            ],
            settings("people.name", "oldest.name"),
        )
        [people, oldest] = made.settings.tables
        [root] = moving.roots(made, people)
        self.assertEqual([one.name for one in moving.holders(made, root)], ["oldest", "younger"])
        self.assertEqual([one.name for one in moving.roots(made, oldest)], ["oldest"])

    def test_rows_of_another_database_are_refused(self):
        made = protection([relation(1, "people", NAME, kind="f")], settings("people.name"))
        [root] = moving.roots(made, made.settings.tables[0])
        self.assertRaises(ConfigError, moving.holders, made, root)

    def test_tables_that_are_protected_otherwise_are_refused(self):
        both = (NAME, attribute("age", 2))
        made = protection(
            [relation(1, "people", *both), relation(2, "older", *both, parents=(1,))],
            settings("people.age", "older.name"),
        )
        [root] = moving.roots(made, made.settings.tables[0])
        self.assertRaises(ConfigError, moving.holders, made, root)


class Parts(SynchronousTestCase):
    def test_columns_of_bytes_are_changed_in_place(self):
        for change in CHANGES:
            [part] = moving.parts(PEOPLE, {1: setting()}, change)
            self.assertFalse(part.beside)

    def test_other_types_need_a_second_column(self):
        [part] = moving.parts(PEOPLE, {2: AGE}, ENCRYPT)
        self.assertTrue(part.beside)
        self.assertEqual(part.target.name, "age__acra")
        bare = PEOPLE._replace(attributes=PEOPLE.attributes[:2])
        for change in CHANGES:
            self.assertRaises(ConfigError, moving.parts, bare, {2: AGE}, change)

    def test_tokens_are_never_told_from_values_in_one_column(self):
        tokens = setting("people.age", kind="tokenized", token_type="int32", data_type="int32")
        bare = relation(1, "people", attribute("age", 1, INT4))
        for change in (ENCRYPT, DECRYPT):
            error = self.assertRaises(ConfigError, moving.parts, bare, {1: tokens}, change)
            self.assertIn("a token looks like any value", str(error))
        self.assertEqual(moving.parts(bare, {1: tokens}, REENCRYPT), [])
        second = relation(1, "people", *bare.attributes, attribute("age__acra", 2, INT4))
        [part] = moving.parts(second, {1: tokens}, ENCRYPT)
        self.assertTrue(part.beside)

    def test_tokens_that_a_switch_has_put_there_stay(self):
        tokens = setting("people.age", kind="tokenized", token_type="int32", data_type="int32")
        switched = relation(
            1, "people", attribute("age", 1, INT4), attribute("age__before", 2, INT4)
        )
        for change in (ENCRYPT, REENCRYPT, REWRAP):
            self.assertEqual(moving.parts(switched, {1: tokens}, change), [])
        error = self.assertRaises(ConfigError, moving.parts, switched, {1: tokens}, DECRYPT)
        self.assertIn("a token looks like any value", str(error))

    def test_values_that_a_switch_has_put_back_are_no_tokens(self):
        tokens = setting("people.age", kind="tokenized", token_type="int32", data_type="int32")
        columns = attribute("age", 1, INT4), attribute("age__stored", 2, INT4)
        back = relation(1, "people", *columns)
        error = self.assertRaises(ConfigError, moving.parts, back, {1: tokens}, ENCRYPT)
        self.assertIn("a token looks like any value", str(error))

    def test_a_second_column_is_filled_whatever_a_switch_has_left(self):
        tokens = setting("people.age", kind="tokenized", token_type="int32", data_type="int32")
        names = ("age", "age__before", "age__acra")
        columns = [attribute(name, number, INT4) for number, name in enumerate(names, 1)]
        for change in (ENCRYPT, DECRYPT):
            [part] = moving.parts(relation(1, "people", *columns), {1: tokens}, change)
            self.assertEqual(part.target.name, "age__acra")

    def test_computed_columns_are_refused(self):
        made = relation(1, "people", attribute("name", 1, generated=True))
        self.assertRaises(ConfigError, moving.parts, made, {1: setting()}, ENCRYPT)


class Rows(SynchronousTestCase):
    parts = [
        *moving.parts(PEOPLE, {1: setting()}, ENCRYPT),
        *moving.parts(PEOPLE, {2: AGE}, ENCRYPT),
    ]

    def test_names_are_in_quotes(self):
        odd = relation(1, 'peo"ple', attribute('na"me', 1))
        parts = moving.parts(odd, {1: setting()}, ENCRYPT)
        self.assertIn(b'FROM ONLY "public"."peo""ple" t', moving.read(odd, parts, 5))
        update = moving.write(odd, parts, [Values(b"(0,1)", b"7", [b"x"])])
        self.assertIn(b'SET "na""me" = ', update.text)

    def test_no_value_is_in_the_text_of_a_statement(self):
        rows = [Values(b"(0,1)", b"77", [b"secret", None]), Values(b"(0,2)", b"78", [None, b"hid"])]
        update = moving.write(PEOPLE, self.parts, rows)
        for value in (b"secret", b"hid", b"77", b"(0,1)"):
            self.assertNotIn(value, update.text)
        self.assertEqual(update.values, [b"(0,1)", b"77", b"secret", b"(0,2)", b"78", b"hid"])
        self.assertEqual(update.types, [27, 28, 17, 27, 28, 17])
        self.assertEqual(update.formats, [0, 0, 1, 0, 0, 1])
        self.assertEqual(update.parts, [0, 1])

    def test_columns_that_no_row_changes_are_left_out(self):
        update = moving.write(PEOPLE, self.parts, [Values(b"(0,1)", b"7", [None, b"x"])])
        self.assertEqual(update.parts, [1])
        self.assertNotIn(b'"name"', update.text)

    def test_characters_are_sent_as_text_of_the_columns_type(self):
        back = Part(AGE, attribute("age", 1), attribute("age__acra", 2, INT4))
        update = moving.write(PEOPLE, [back], [Values(b"(0,1)", b"7", [b"42"])])
        self.assertEqual((update.types[-1], update.formats[-1]), (INT4, 0))


class Plaintexts(SynchronousTestCase):
    def plaintext(self, data_type, base, text):
        part = Part(setting(data_type=data_type), attribute("name", 1, base), NAME)
        return moving.plaintext(part, text)

    def test_each_type_has_the_text_that_an_application_would_write(self):
        for data_type, base, text, expected in (
            ("str", TEXT, b"Ann ", b"Ann "),
            ("str", BPCHAR, b"Ann   ", b"Ann"),
            ("str", TIMESTAMP, b"2026-11-29 01:02:03", b"2026-11-29 01:02:03"),
            ("int32", INT4, b"42", b"42"),
            ("", BYTEA, b"\\x00ff", b"\0\xff"),
            ("int32", BYTEA, b"\\x303432", b"42"),
        ):
            self.assertEqual(self.plaintext(data_type, base, text), expected)

    def test_types_that_do_not_belong_there_are_refused(self):
        self.assertRaises(ValueRefusedError, self.plaintext, "uuid", INT4, b"42")
        self.assertRaises(ValueRefusedError, self.plaintext, "int32", TEXT, b"old")
        self.assertRaises(ValueRefusedError, self.plaintext, "int64", BIT, b"0101")
        self.assertEqual(self.plaintext("str", BIT, b"0101"), b"0101")

    def test_what_would_lose_something_is_refused(self):
        stamp = b"2026-11-29 10:11:12"
        for data_type, base, text in (
            ("date", TIMESTAMP, stamp),
            ("date", TIMESTAMP, b"2026-11-29 00:00:00+00"),
            ("date", TEXT, b"2026-11-29T10:11:12"),
            ("date", BYTEA, b"\\x" + stamp.hex().encode()),
            ("float8", NUMERIC, b"123456789012345678.5"),
            ("float8", INT8, b"9007199254740993"),
            ("float8", TEXT, b"0.12345678901234567890"),
            ("", TEXT, b"\\x4142"),
            ("", TEXT, b"dir\\\\file"),
            ("bytes", JSON, b'{"a": "\\\\n"}'),
        ):
            self.assertRaises(ValueRefusedError, self.plaintext, data_type, base, text)
        for data_type, base, text, expected in (
            ("date", TIMESTAMP, b"2026-11-29 00:00:00", b"2026-11-29"),
            ("date", DATE, b"0044-03-15 BC", b"0044-03-15 BC"),
            ("date", DATE, b"infinity", b"infinity"),
            ("float8", NUMERIC, b"0.10", b"0.1"),
            ("float8", FLOAT4, b"0.1", b"0.10000000149011612"),
            ("float8", TEXT, b"NaN", b"NaN"),
            ("", TEXT, b"plain", b"plain"),
        ):
            self.assertEqual(self.plaintext(data_type, base, text), expected)

    def test_the_text_of_a_container_stands_for_it(self):
        container = envelopes.wrap("acrablock", acrablock.create(b"v", bytes(32), b"", os.urandom))
        shown = b"\\x" + container.hex().encode()
        self.assertEqual(self.plaintext("", TEXT, shown), container)
