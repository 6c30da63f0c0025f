"""Statements about rows; tests/integration/test_mysql_migrating.py has them run."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.mysql import moving, rowstatements
from acra_twisted.encryption.mysql.moving import Key
from acra_twisted.encryption.mysql.rowstatements import NewValues, Rows
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.errors import ConfigError
from acra_twisted.sql import mysqllexer
from tests.support.mysqlplanning import AGE, EMAIL, NAME
from tests.unit.encryption.mysql.test_moving import ID, STORED, table


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
            self.assertRaises(ConfigError, rowstatements.literal, ID, cell)
        self.assertEqual(rowstatements.literal(Column("d", "date"), b"2020-01-01"), "'2020-01-01'")
        self.assertEqual(rowstatements.literal(Column("b", "binary"), b"\0'"), "x'0027'")

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

    def second(self):
        """Rows of a text in latin1 and of a number, beside which stored forms stand."""
        columns = (
            Column("name", "varchar", 80, "latin1"),
            Column("NAME__acra", "varbinary", 400),
            Column("age", "int"),
            Column("age__acra", "int"),
        )
        found = table(ID, *columns, own=(NAME, AGE))
        return Rows(found.table, Key("PRIMARY", [ID]), moving.parts(found, ENCRYPT), ["at"])

    def test_what_is_due_is_read_beside_what_is_there(self):
        rows = self.second()
        name = "CAST(CONVERT(`name` USING utf8mb4) AS BINARY)"
        age = "CAST(CONVERT(`age` USING utf8mb4) AS BINARY)"
        due = (
            f"SELECT `id`, CASE WHEN `name` IS NOT NULL AND `NAME__acra` IS NULL THEN {name} END, "
            f"CASE WHEN `age` IS NOT NULL AND `age__acra` IS NULL THEN {age} END FROM"
        )
        self.assertTrue(rows.read(None, 5).startswith(due))
        self.assertTrue(rows.lock([[b"1"]]).startswith(due))
        written = "CAST(CONVERT(`age__acra` USING utf8mb4) AS BINARY)"
        self.assertTrue(
            rows.again([[b"1"]]).startswith(f"SELECT `id`, `NAME__acra`, {written} FROM")
        )
        self.assertTrue(
            rows.pairs([b"1"], 5).startswith(
                f"SELECT `id`, {name}, `NAME__acra`, {age}, {written} FROM"
            )
        )

    def test_second_columns_are_written_as_their_types_are_and_emptied_in_pieces(self):
        rows = self.second()
        [text] = rows.writes([NewValues([b"1"], {0: b"a", 1: b"42"})])
        self.assertIn(
            "SET `NAME__acra` = CASE WHEN `id` = 1 THEN x'61' ELSE `NAME__acra` END, `age__acra` = "
            "CASE WHEN `id` = 1 THEN _utf8mb4 x'3432' ELSE `age__acra` END, `at` = `at` WHERE",
            text,
        )
        first, *_, last = rows.empty([[b"%d" % number] for number in range(120)])
        sets = "SET `NAME__acra` = NULL, `age__acra` = NULL, `at` = `at` WHERE (`id` = "
        self.assertIn(f"{sets}0) OR ", first)
        self.assertTrue(first.endswith("(`id` = 49)"), first)
        self.assertTrue(last.endswith("(`id` = 119)"), last)
