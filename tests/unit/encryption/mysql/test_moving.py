"""Statements that change stored values; tests/integration/test_mysql_migrating.py has them run."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import CHANGES, DECRYPT, ENCRYPT, REWRAP
from acra_twisted.encryption.mysql import moving
from acra_twisted.encryption.mysql.moving import Key, NewValues, Rows
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import Column, Index, KeyPart, Schema, Table
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.sql import mysqllexer
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


class Definitions(SynchronousTestCase):
    def test_types_for_the_plain_and_the_stored_form(self):
        for before, after in (
            (Column("name", "varchar", 80, nullable=False), "VARBINARY(230) NOT NULL"),
            (Column("name", "int"), "VARBINARY(190)"),
            (Column("name", "text", 65_535), "MEDIUMBLOB"),
            (Column("name", "varchar", 16_000), "BLOB"),
            (Column("name", "longtext", (1 << 32) - 1), "LONGBLOB"),
        ):
            [line] = moving.definitions(table(ID, before))
            self.assertEqual(line, f"ALTER TABLE `shop`.`people` MODIFY `name` {after};")
        self.assertEqual(moving.definitions(table(ID, STORED)), [])
        tokens = table(ID, Column("phone", "int"), own=(PHONE,))
        self.assertEqual(moving.definitions(tokens), [])

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


class Statements(SynchronousTestCase):
    def setUp(self):
        self.name = Column("na`me", "char", nullable=False)
        self.table = table(ID, STORED)
        parts = moving.parts(self.table, ENCRYPT)
        key = Key("PRIMARY", [self.name, ID])
        self.rows = Rows(self.table.table, key, parts, ["at"])

    def test_rows_come_in_the_order_of_their_key(self):
        start = "SELECT `na``me`, `id`, `name` FROM `shop`.`people` FORCE INDEX (`PRIMARY`)"
        order = " ORDER BY `na``me`, `id` LIMIT 5"
        self.assertEqual(self.rows.read(None, 5), start + order)
        self.assertEqual(
            self.rows.read([b"x", b"7"], 5),
            f"{start} WHERE (`na``me` > _utf8mb4 x'78' OR (`na``me` = _utf8mb4 x'78' AND "
            f"`id` > 7)){order}",
        )
        self.assertIn("LIMIT 1 OFFSET 6", self.rows.place(7))

    def test_rows_are_locked_by_their_key_and_nobody_is_waited_for(self):
        asked = self.rows.lock([[b"x", b"7"], [b"", b"-8"]])
        self.assertTrue(asked.endswith("`id` = -8) FOR UPDATE SKIP LOCKED"), asked)
        self.assertIn("(`na``me` = _utf8mb4 x'78' AND `id` = 7) OR (", asked)

    def test_values_are_bytes_and_clocks_stand_still(self):
        row = "`na``me` = _utf8mb4 x'78' AND `id` = 7"
        self.assertEqual(
            [*self.rows.writes([NewValues([b"x", b"7"], {0: b"'\0"})])],
            [
                "UPDATE `shop`.`people` FORCE INDEX (`PRIMARY`) SET `name` = CASE WHEN "
                f"{row} THEN x'2700' ELSE `name` END, `at` = `at` WHERE ({row})"
            ],
        )

    def test_rows_are_written_together_and_statements_are_bounded(self):
        def written(number, size):
            values = {0: bytes(size)}
            new = [NewValues([b"x", b"%d" % row], values) for row in range(number)]
            return [text.count(" WHEN ") for text in self.rows.writes(new)]

        self.assertEqual(written(0, 1), [])
        self.assertEqual(written(120, 1), [50, 50, 20])
        self.assertEqual(written(5, 30_000), [2, 2, 1])
        self.assertEqual(written(3, 100_000), [1, 1, 1])

    def test_each_row_gets_the_values_that_it_has(self):
        email = Column("email", "blob", 65_535)
        parts = moving.parts(table(ID, STORED, email, own=(NAME, EMAIL)), ENCRYPT)
        rows = Rows(self.table.table, Key("PRIMARY", [ID]), parts)
        [text] = rows.writes([NewValues([b"1"], {0: b"a"}), NewValues([b"2"], {0: b"b", 1: b"c"})])
        self.assertIn(
            "SET `name` = CASE WHEN `id` = 1 THEN x'61' WHEN `id` = 2 THEN x'62' ELSE `name` END, "
            "`email` = CASE WHEN `id` = 2 THEN x'63' ELSE `email` END WHERE (`id` = 1) OR "
            "(`id` = 2)",
            text,
        )
        [text] = rows.writes([NewValues([b"1"], {1: b"a"})])
        self.assertNotIn("`name`", text)

    def test_what_is_no_number_is_none(self):
        for cell in (b"", b"1 OR 1=1", b"x"):
            self.assertRaises(ConfigError, moving.literal, ID, cell)
        self.assertEqual(moving.literal(Column("d", "date"), b"2020-01-01"), "'2020-01-01'")
        self.assertEqual(moving.literal(Column("b", "binary"), b"\0'"), "x'0027'")

    @given(st.lists(st.binary(max_size=20), min_size=1, max_size=3))
    def test_no_cell_is_read_as_anything_but_a_literal(self, cells):
        columns = [Column(f"c{at}", "varchar", nullable=False) for at in range(len(cells))]
        rows = Rows(self.table.table, Key("k", columns), moving.parts(self.table, ENCRYPT))
        empty = [b""] * len(cells)
        for make in (
            lambda one: rows.read(one, 5),
            lambda one: rows.lock([one]),
            lambda one: "".join(rows.writes([NewValues(one, {0: one[0]})])),
        ):
            kinds = [
                [kind for kind, _, _ in mysqllexer.tokens(make(one).encode())]
                for one in (cells, empty)
            ]
            self.assertEqual(*kinds)

    def test_values_are_bytes_as_they_are_shown(self):
        self.assertEqual(moving.stored(STORED, b"\0x"), b"\0x")
        [part] = moving.parts(table(ID, STORED, own=(column("name", data_type="int32"),)), ENCRYPT)
        self.assertEqual(moving.plaintext(part, b"42"), b"42")
