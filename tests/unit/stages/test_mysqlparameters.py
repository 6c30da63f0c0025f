"""Values for MySQL's prepared statements with protected columns: how they are judged."""

import struct

from acra_twisted import purposes
from acra_twisted.encryption.mysql.planner import LONG
from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.verdicts import PASS, Replace
from tests.support.mysqlplanning import NAME, PEOPLE, SCHEMA, SETTINGS
from tests.unit.stages.test_mysqlencryptor import Case

INSERT = "INSERT INTO people (name, age) VALUES (?, ?)"


class Judging(Case):
    def test_null_stays_null(self):
        _, statement, _ = self.judge(INSERT, True)
        bound = self.bind(statement, None, None).item
        self.assertEqual(bound.values, [None, None])

    def test_a_token_is_a_number_where_the_column_is_one(self):
        _, statement, _ = self.judge(INSERT, True)
        bound = self.bind(statement, "n", 42).item
        self.assertEqual((bound.types, bound.formats), ([252, 3], [0, 1]))
        self.assertEqual(len(bound.values[1]), 4)
        self.assertNotEqual(struct.unpack("<i", bound.values[1]), (42,))

    def test_other_values_stay_what_they_are(self):
        """Bytes of numbers are no text, and one that has no sign keeps its type."""
        _, statement, _ = self.judge("UPDATE people SET name = ?, note = ? WHERE id = ?", True)
        bound = self.bind(statement, "n", "text", 7).item
        self.assertEqual((bound.values[1], bound.values[2]), (b"text", struct.pack("<q", 7)))
        self.assertEqual((bound.formats, bound.types[1:]), ([0, 0, 1], [253, 8]))

    def test_a_value_that_is_none_of_its_column(self):
        _, statement, _ = self.judge(INSERT, True)
        verdict = self.assert_denied(self.bind(statement, "n", "secret"), 1366)
        self.assertNotIn("secret", verdict.text)

    def test_a_token_that_is_searched_for_in_a_literal(self):
        """It is another once the value has got one."""
        text = "SELECT id FROM people WHERE phone = '0123' AND id = ?"
        _, statement, _ = self.judge(text, True)
        self.assertIsInstance(self.bind(statement, 7), Replace)
        self.judge("INSERT INTO people (phone) VALUES ('0123')")
        self.assert_denied(self.bind(statement, 7), 1615)

    def test_a_key_that_seals(self):
        client = self.bench.session.identity.client_id
        _, statement, _ = self.judge(INSERT, True)
        self.bench.keys.put(purposes.STORAGE_SYMMETRIC, b"t" * 32, client)
        self.assert_denied(self.bind(statement, "n", 1), 1615)

    def test_a_long_text_is_planned_by_a_worker_whenever_it_is(self):
        """It is prepared, and executed when the tables are others."""
        text = f"INSERT INTO people (name, note) VALUES (?, '{'x' * LONG}')"
        statement, exchange = self.bench.statement(text, True)
        verdict = self.stage.on_statement(statement, exchange)
        self.assertNoResult(verdict)
        self.workers.turn()
        statement.become(self.successResultOf(verdict).item)
        self.assertIsInstance(self.bind(statement, "n"), Replace)
        more = PEOPLE._replace(columns=[*PEOPLE.columns, Column("more", "int")])
        self.bench.schema = SCHEMA._replace(tables=[more])
        for change in ("ALTER TABLE people ADD more INT", "ALTER TABLE people ADD KEY (note)"):
            self.judge(change)[2].close("ok")
        parameters, exchange = self.bench.parameters(statement, "n")
        verdict = self.stage.on_parameters(parameters, exchange)
        self.assertNoResult(verdict)
        self.assertEqual(len(self.workers.waiting), 1)
        self.workers.turn()
        self.assertIsInstance(self.successResultOf(verdict), Replace)
        # Once for these tables.
        self.assertIsInstance(self.bind(statement, "n"), Replace)

    def test_a_long_text_is_refused_where_its_tables_are_others(self):
        statement, exchange = self.bench.statement(
            f"INSERT INTO people (name, note) VALUES (?, '{'x' * LONG}')", True
        )
        verdict = self.stage.on_statement(statement, exchange)
        self.workers.turn()
        statement.become(self.successResultOf(verdict).item)
        self.bench.schema = SCHEMA._replace(tables=[PEOPLE._replace(columns=PEOPLE.columns[1:])])
        self.judge("ALTER TABLE people DROP id")[2].close("ok")
        parameters, exchange = self.bench.parameters(statement, "n")
        verdict = self.stage.on_parameters(parameters, exchange)
        self.workers.turn()
        self.assertIsInstance(self.successResultOf(verdict), Replace)
        less = [one for one in PEOPLE.columns if one.name != "note"]
        self.bench.schema = SCHEMA._replace(tables=[PEOPLE._replace(columns=less)])
        self.judge("ALTER TABLE people DROP note")[2].close("ok")
        parameters, exchange = self.bench.parameters(statement, "n")
        verdict = self.stage.on_parameters(parameters, exchange)
        self.workers.turn()
        self.assert_denied(self.successResultOf(verdict), 1615)

    def test_a_reader_who_is_none_any_more(self):
        text = "SELECT COUNT(*) FROM people WHERE email = ?"
        _, statement, _ = self.judge(text, True)
        own = SETTINGS.tables[0].protected["email"]._replace(readers=frozenset(("alice",)))
        protected = {**SETTINGS.tables[0].protected, "email": own}
        self.bench.settings = EncryptionSettings(
            [TableSetting("", "people", (), protected), SETTINGS.tables[1]]
        )
        done = self.stage.reload()
        self.workers.turn()
        self.successResultOf(done)
        verdict = self.bind(statement, "e")
        self.assertIn(verdict.errno, (1143, 1615))

    def test_a_statement_that_shows_a_column(self):
        _, statement, _ = self.judge("SELECT name FROM people", True)
        self.assertIs(self.bind(statement), PASS)
        (meaning,) = statement.meanings
        self.assertEqual(meaning.results[0].setting, NAME)
