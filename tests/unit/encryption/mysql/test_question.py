"""The question about a MySQL server's schema, and answers to it."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.question import (
    SchemaError,
    plain,
    read_database,
    read_schema,
    schema_question,
)
from acra_twisted.encryption.mysql.schema import (
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
from tests.support.mysqlplanning import SCHEMA
from tests.support.mysqlsessions import rows_of

WHOLE = Schema(
    7,
    [
        Table(
            "shop",
            "Kunden",
            [
                Column("größe", "int", default_in_clear=True, nullable=False),
                Column("mail", "varbinary", 400),
                Column("g", "int", expression="`größe` + 1", invisible=True),
                Column("t", "text", 65_535, "utf8mb4", "utf8mb4_bin"),
            ],
            [
                Index("PRIMARY", [KeyPart("größe")], True),
                Index("k", [KeyPart("mail", 33), KeyPart("")]),
            ],
        )
    ],
    True,
    [
        Code(ROUTINE, "shop", "p", None),
        Code(TRIGGER, "shop", "t", "SET NEW.a = 1", "other"),
        Code(VIEW, "shop", "v", "select 1"),
    ],
    False,
    [ForeignKey("fk", ("shop", "o", "k"), ("shop", "Kunden", "größe"))],
    False,
)


class Asking(SynchronousTestCase):
    def test_the_text_is_ascii_whatever_the_names(self):
        text = schema_question(["größe", "a' OR '1", "größe"])
        self.assertTrue(text.isascii())
        self.assertNotIn(b"OR '1", text)
        self.assertEqual(text.count("größe".encode().hex().encode()), 4)

    def test_without_a_table_it_can_be_asked_all_the_same(self):
        self.assertNotIn(b"IN ()", schema_question([]))

    def test_no_mode_changes_how_it_is_read(self):
        text = schema_question(["t"])
        # MySQL passes over the one comment in every mode, and MariaDB runs it.
        self.assertEqual(text.count(b"/*"), 1)
        self.assertIn(b"/*M!", text)
        for sign in (b'"', b"`", b"\\", b"||", b"--", b"#"):
            self.assertNotIn(sign, text)


class Reading(SynchronousTestCase):
    def test_an_answer(self):
        self.assertEqual(read_schema(rows_of(WHOLE), 7), WHOLE)
        shop = read_schema(rows_of(SCHEMA), 1)
        self.assertEqual([one.name for one in shop.tables], ["leads", "people"])

    def test_a_server_without_the_variable_heeds_checks(self):
        rows = rows_of(WHOLE)
        for told, checked in (("", True), ("1", True), ("0", False), ("off", False)):
            rows[0][4] = told.encode().hex().encode()
            self.assertIs(read_schema(rows, 7).checked, checked)

    def test_rows_may_come_in_any_order(self):
        first, *middle, last = rows_of(WHOLE)
        self.assertEqual(read_schema([first, *middle[::-1], last], 7), WHOLE)

    def test_a_procedure_and_a_function_of_one_name_one_of_which_is_shown(self):
        shown = Code(ROUTINE, "shop", "p", "RETURN 1")
        rows = rows_of(WHOLE._replace(code=[shown, Code(ROUTINE, "shop", "p", None)]))
        self.assertEqual([one.text for one in read_schema(rows, 1).code], [None, "RETURN 1"])

    def test_keys_are_those_of_their_own_table(self):
        table = WHOLE.tables[0]
        other = table._replace(database="tenant", indexes=table.indexes[1:])
        tables = [table, table._replace(name="Z", indexes=[]), other]
        schema = WHOLE._replace(tables=tables, code=[], foreign_keys=[])
        self.assertEqual(read_schema(rows_of(schema), 7).tables, tables)

    def test_an_answer_that_was_cut_short_is_none(self):
        rows = rows_of(WHOLE)
        for given_ in (rows[:-1], rows[1:], [], [rows[0][:-1]], [*rows, rows[-1]]):
            self.assertRaises(SchemaError, read_schema, given_, 1)

    def test_cells_that_lack_or_are_no_numbers(self):
        rows = rows_of(WHOLE)
        for at, row in enumerate(rows):
            for cell in range(1, len(row)):
                for other in (None, b"zz", b"ff", b"2d31"):
                    changed = [*rows]
                    changed[at] = [*row[:cell], other, *row[cell + 1 :]]
                    try:
                        read_schema(changed, 1)
                    except SchemaError:
                        pass

    @given(st.lists(st.lists(st.one_of(st.none(), st.binary(max_size=9)), max_size=12)))
    def test_anything_else_is_an_error(self, rows):
        self.assertRaises(SchemaError, read_schema, rows, 1)

    def test_the_session_s_database(self):
        self.assertEqual(read_database([[b"shop".hex().encode()]]), b"shop")
        self.assertEqual(read_database([[None]]), b"")
        for rows in ([], [[]], [[b"x"]], [[b"61"], [b"61"]]):
            self.assertRaises(SchemaError, read_database, rows)


class Plain(SynchronousTestCase):
    def test_code_of_a_mode_is_told_as_it_is_read_without(self):
        text = 'SELECT "a""b`", \'it\' FROM "t" -- "x"'
        self.assertEqual(plain(text, {"ANSI_QUOTES"}), "SELECT `a\"b``` , '' FROM `t`")
        text = "BEGIN -- only these\n DELETE FROM people /* all */; END # ."
        self.assertEqual(plain(text, {"ANSI"}), "BEGIN DELETE FROM people ; END")
        self.assertEqual(plain(text, {"STRICT_ALL_TABLES"}), text)
        self.assertEqual(
            plain("SELECT '\\', people", {"NO_BACKSLASH_ESCAPES"}),
            "SELECT '' , people",
        )

    def test_code_that_cannot_be_read_is_not_told(self):
        self.assertIsNone(plain("SELECT 'a", {"ORACLE"}))

    def test_in_an_answer(self):
        rows = rows_of(WHOLE._replace(code=[Code(VIEW, "shop", "v", 'select * from "Kunden"')]))
        at = next(at for at, row in enumerate(rows) if row[0] == b"view")
        rows[at][5] = b"ANSI".hex().encode()
        (code,) = read_schema(rows, 1).code
        self.assertEqual(code.text, "select * from `Kunden`")
