"""Texts of MySQL with protected columns: how they are judged."""

from acra_twisted.encryption.mysql.schema import Column
from acra_twisted.verdicts import PASS, Deny
from tests.support.mysqlplanning import PEOPLE, SCHEMA
from tests.unit.stages.test_mysqlencryptor import Case


class Judging(Case):
    def test_a_text_whose_reading_may_be_changing_waits(self):
        self.judge("SELECT 1")
        self.bench.session.in_flight = True
        verdict, statement, _ = self.judge("INSERT INTO people (name) VALUES ('a\\\\b')")
        self.assertEqual(self.bench.asked[1:], [b"DO 0"])
        self.assertNotIn(b"a\\", statement.text)
        self.assertIsNotNone(verdict)

    def test_a_text_that_reads_alike_does_not_wait(self):
        self.judge("SELECT 1")
        self.bench.session.in_flight = True
        self.judge("INSERT INTO people (name) VALUES ('ab')")
        self.assertEqual(len(self.bench.asked), 1)

    def test_a_database_that_is_not_known(self):
        self.judge("SELECT 1")
        self.bench.session.database = b"\xff"
        verdict, _, _ = self.judge("INSERT INTO people (name) VALUES ('ab')")
        self.assert_denied(verdict)
        verdict, statement, _ = self.judge("INSERT INTO shop.people (name) VALUES ('Zaphod')")
        self.assertNotIn(b"Zaphod", statement.text)

    def test_a_table_with_a_configured_name_that_is_new(self):
        """Several in a row, of which the server is asked once each."""
        self.judge("SELECT 1")
        self.assert_denied(self.judge("SELECT email FROM people, other.people")[0])
        tables = list(SCHEMA.tables)
        for database in ("other", "third"):
            tables.append(PEOPLE._replace(database=database, columns=PEOPLE.columns[:1]))
            self.bench.schema = SCHEMA._replace(tables=tables)
            self.bench.has("people", database=database)
            del self.bench.asked[:]
            for _ in range(2):
                text = f"SELECT email FROM people, {database}.people p"
                self.assertNotIsInstance(self.judge(text)[0], Deny)
            self.assertEqual(len(self.bench.asked), 2)

    def test_a_table_with_a_configured_name_that_is_not_there(self):
        self.judge("SELECT 1")
        del self.bench.asked[:]
        for text in ("SELECT 1 FROM people, other.people", "INSERT INTO other.people VALUES (1)"):
            self.assert_denied(self.judge(text)[0])
        self.assertEqual(len(self.bench.asked), 2)
        self.bench.session.database = b""
        self.assert_denied(self.judge("SELECT name FROM people")[0])
        self.assertEqual(len(self.bench.asked), 2)

    def test_results_have_a_meaning_each(self):
        _, statement, _ = self.judge("SELECT 1; SELECT name FROM people; SELECT 2")
        settings = [one.results for one in statement.meanings]
        self.assertEqual([one is None for one in settings], [True, False, True])

    def test_every_statement_s_errors_are_watched_that_concerns_a_column(self):
        for text, watched in (("SELECT name FROM people", True), ("SELECT 1", False)):
            _, _, exchange = self.judge(text)
            self.assertIs(exchange.watch is not None, watched)

    def test_a_prepared_text_keeps_what_decides_its_values(self):
        text = "UPDATE people SET name = ? WHERE email = 'e'"
        _, statement, exchange = self.judge(text, True)
        binding = statement.plan
        self.assertEqual(binding.text, text.encode())
        self.assertEqual([one.parameter for one in binding.sent], [1])
        self.assertEqual(list(binding.literals.values()), [b"e"])
        self.assertTrue(binding.mark)
        self.assertIs(exchange.watch, None)

    def test_texts_that_sql_has_prepared_are_planned_by_a_worker_where_they_are_long(self):
        self.bench.has("orders")
        for number in range(20):
            text = f"PREPARE s{number} FROM 'INSERT INTO orders VALUES (\\'{'x' * 1000}\\')'"
            self.assertIs(self.judge(text)[0], PASS)
        more = PEOPLE._replace(columns=[*PEOPLE.columns, Column("more", "int")])
        for tables, waiting in ((SCHEMA.tables, 1), ([more], 1), ([more], 0)):
            self.bench.schema = SCHEMA._replace(tables=tables)
            self.judge("ALTER TABLE people FORCE")[2].close("ok")
            statement, exchange = self.bench.statement("EXECUTE s1")
            verdict = self.stage.on_statement(statement, exchange)
            self.assertEqual(len(self.workers.waiting), waiting)
            self.workers.turn()
            self.assertIs(self.settled(verdict), PASS)
            exchange.close("ok")
