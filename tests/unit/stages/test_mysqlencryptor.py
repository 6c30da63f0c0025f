"""The stage that protects columns, before MySQL."""

import re

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import purposes
from acra_twisted.encryption.mysql.keeper import MAX_AGE
from acra_twisted.encryption.mysql.schema import VIEW, Code, Column
from acra_twisted.encryption.mysql.servermark import mark_question
from acra_twisted.encryption.settings import Bypass, EncryptionSettings, TableSetting
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import (
    IParameterStage,
    IReloadable,
    IResultStage,
    ISelectiveStatementStage,
)
from acra_twisted.outstanding import FORWARD
from acra_twisted.stages.cellclosing import CellClosing
from acra_twisted.stages.cellreading import CellReading, OutdatedReading
from acra_twisted.stages.decryptor import Decryptor
from acra_twisted.stages.mysqlencryptor import MysqlEncryptor
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.containers import Workers
from tests.support.mysqlplanning import NAME, PEOPLE, SCHEMA, SETTINGS
from tests.support.mysqlsessions import MysqlBench, described, rows

STORED = re.compile(rb"x'([0-9a-f]*)'").findall
INSERT = "INSERT INTO people (name, email, note) VALUES ('Zaphod', 'z@example.com', 'n')"


class Case(SynchronousTestCase):
    def setUp(self):
        self.begin()

    def begin(self, settings=SETTINGS):
        self.bench = MysqlBench(settings=settings)
        self.workers = Workers()
        tokenizer = Tokenizer(MemoryStore(), self.bench.keys, lambda: 0)
        self.stage = MysqlEncryptor(
            settings,
            self.bench.keys,
            self.workers,
            self.bench.seconds,
            lambda _: tokenizer,
            read=lambda: self.bench.settings,
            now=lambda: 5.0,
        )

    def judge(self, text, prepared=False):
        statement, exchange = self.bench.statement(text, prepared)
        verdict = self.settled(self.stage.on_statement(statement, exchange))
        if type(verdict) is Replace:
            statement.become(verdict.item)
        return verdict, statement, exchange

    def settled(self, verdict):
        return self.successResultOf(verdict) if isinstance(verdict, Deferred) else verdict

    def bind(self, statement, *given):
        parameters, exchange = self.bench.parameters(statement, *given)
        return self.settled(self.stage.on_parameters(parameters, exchange))

    def assert_denied(self, verdict, errno=1235):
        self.assertIsInstance(verdict, Deny)
        self.assertEqual(verdict.errno, errno)
        return verdict


class Texts(Case):
    def test_it_is_a_stage(self):
        for interface in (ISelectiveStatementStage, IParameterStage, IResultStage, IReloadable):
            verifyObject(interface, self.stage)
        self.assertEqual(self.stage.summary, "7 columns")

    def test_a_text_that_concerns_nothing_passes(self):
        verdict, statement, exchange = self.judge("SELECT 1 FROM orders")
        self.assertIs(verdict, PASS)
        self.assertEqual(statement.text, b"SELECT 1 FROM orders")
        self.assertIsNone(exchange.watch)

    def test_a_query_that_concerns_nothing_is_no_work_once_the_tables_are_known(self):
        statement, exchange = self.bench.statement("SELECT 1 FROM orders")
        self.assertTrue(self.stage.judges(statement, exchange))
        self.judge("SELECT 1")
        self.assertFalse(self.stage.judges(statement, exchange))
        meaning = self.bench.session.meaning
        self.assertEqual((meaning.results, meaning.character_set), (None, "utf8mb4"))
        self.bench.time += MAX_AGE + 1
        self.assertTrue(self.stage.judges(statement, exchange))

    def test_all_others_are(self):
        self.judge("SELECT 1")
        for text in (
            INSERT,
            "INSERT INTO orders (a) VALUES (1)",
            "SELECT name FROM people",
            "USE shop",
            "GRANT r TO u",
            "SET ROLE r",
            "CREATE TEMPORARY TABLE t (a INT)",
            "SELECT 1" + " " * 20_000,
        ):
            statement, exchange = self.bench.statement(text)
            self.assertTrue(self.stage.judges(statement, exchange), text)
            self.assertEqual((statement.text, exchange.watch), (text.encode(), None))

    def test_so_are_all_of_sessions_with_statements_or_tables_of_their_own(self):
        for before in (
            "PREPARE s FROM 'INSERT INTO orders (a) VALUES (1)'",
            "CREATE TEMPORARY TABLE t (a INT)",
        ):
            self.begin()
            _, _, exchange = self.judge(before)
            if exchange.watch is not None:
                exchange.close("ok")
            statement, exchange = self.bench.statement("SELECT 1 FROM orders")
            self.assertTrue(self.stage.judges(statement, exchange), before)

    def test_values_are_encrypted(self):
        verdict, statement, exchange = self.judge(INSERT)
        self.assertIsInstance(verdict, Replace)
        for value in (b"Zaphod", b"z@example.com"):
            self.assertNotIn(value, statement.text)
            self.assertNotIn(value.hex().encode(), statement.text)
        self.assertIn(b"'n'", statement.text)
        self.assertEqual(exchange.session.observer.values("encrypted"), 2)

    def test_what_is_searched_for_has_the_prefix_that_is_stored(self):
        _, stored, _ = self.judge(INSERT)
        _, searched, _ = self.judge("SELECT id FROM people WHERE email = 'z@example.com'")
        first, behind = STORED(searched.text)
        self.assertEqual(len(first), 66)
        self.assertTrue(any(one.startswith(first) for one in STORED(stored.text)))
        self.assertEqual(int(behind, 16), int(first, 16) + 1)

    def test_tokens(self):
        _, stored, _ = self.judge("INSERT INTO people (age, phone) VALUES (42, '0123')")
        self.assertNotIn(b"0123", stored.text)
        _, searched, _ = self.judge("SELECT id FROM people WHERE age = 42")
        self.assertNotIn(b"(42,", stored.text.replace(b" ", b""))
        token = re.search(rb"VALUES \(\s*(-?[0-9]+)", stored.text).group(1)
        self.assertIn(token, searched.text)

    def test_what_is_not_understood_is_refused(self):
        for text in (
            "SELECT UPPER(name) FROM people",
            "INSERT INTO people (name) VALUES (CONCAT('a', 'b'))",
            "INSERT INTO vip (name) VALUES ('a')",
        ):
            verdict, _, exchange = self.judge(text)
            self.assert_denied(verdict)
            self.assertIsNone(exchange.watch)

    def test_a_refusal_shows_no_value(self):
        verdict, _, _ = self.judge("INSERT INTO people (age) VALUES ('secret')")
        self.assert_denied(verdict, 1366)
        self.assertNotIn("secret", verdict.text + verdict.reason)

    def test_long_texts_are_planned_by_a_worker(self):
        rows_ = ", ".join(f"('name{at}')" for at in range(3000))
        statement, exchange = self.bench.statement(f"INSERT INTO people (name) VALUES {rows_}")
        verdict = self.stage.on_statement(statement, exchange)
        self.assertNoResult(verdict)
        self.workers.turn()
        self.workers.turn()
        statement.become(self.successResultOf(verdict).item)
        self.assertEqual(len(STORED(statement.text)), 3000)

    def test_what_a_long_text_may_change_is_known_once_a_worker_has_searched_it(self):
        for end, follows in ((b"", False), (b"; GRANT r TO u", True)):
            text = "INSERT INTO people (name) VALUES " + ", ".join(["('n')"] * 4000)
            statement, exchange = self.bench.statement(text + end.decode())
            verdict = self.stage.on_statement(statement, exchange)
            self.assertIsNone(exchange.watch)
            self.workers.turn()
            self.workers.turn()
            self.assertIsInstance(self.successResultOf(verdict), Replace)
            known = self.bench.session.notes["encryptor"]
            self.assertEqual(known.open, int(follows))

    def test_without_a_key_nothing_is_written(self):
        self.bench.keys.forget()
        self.begin()
        self.bench.session.identity.client_id = "nobody"
        verdict, _, _ = self.judge(INSERT)
        self.assert_denied(verdict)


class Expired(Case):
    """The user's password has expired, and the server answers nothing."""

    def setUp(self):
        super().setUp()
        self.bench.fails, self.bench.number = True, 1820

    def test_it_can_be_set(self):
        self.assertIs(self.judge("SET PASSWORD = PASSWORD('new')")[0], PASS)
        for text, prepared in ((INSERT, False), ("SELECT 1", False), ("SET PASSWORD = 'x'", True)):
            verdict, _, _ = self.judge(text, prepared)
            self.assertEqual((verdict.errno, verdict.sqlstate), (1820, b"HY000"), text)
        self.bench.fails = False
        self.assertIsInstance(self.judge(INSERT)[0], Replace)

    def test_another_error_lets_nothing_pass(self):
        self.bench.number = 1045
        self.assert_denied(self.judge("SET PASSWORD = PASSWORD('new')")[0])


class NewNames(Case):
    """Tables that a text gives values to, and that may have been made since the schema was read."""

    def setUp(self):
        super().setUp()
        self.judge("SELECT id FROM people")
        del self.bench.asked[:]

    def questions(self):
        return [one for one in self.bench.asked if b"information_schema.TABLES" in one]

    def test_a_table_is_looked_up_once(self):
        self.bench.has("orders")
        for text in ("INSERT INTO orders VALUES (1)", "UPDATE shop.orders SET a = 1"):
            self.assertIs(self.judge(text)[0], PASS)
        self.assertEqual(len(self.questions()), 1)
        self.assertIn(b"orders".hex().encode(), self.questions()[0])
        self.assertIs(self.judge("INSERT INTO other.orders VALUES (1)")[0], PASS)
        self.assertEqual(len(self.questions()), 2)

    def run_(self, text, outcome="ok", prepared=False):
        """A statement passes, and the server answers it."""
        verdict, _, exchange = self.judge(text, prepared)
        self.assertIs(verdict, PASS, text)
        exchange.close(outcome)

    def test_tables_of_the_session_are_not_looked_up(self):
        self.run_("CREATE TEMPORARY TABLE own (id INT)")
        for text in ("INSERT INTO own VALUES (1)", "UPDATE shop.own SET id = 2"):
            self.run_(text)
        self.assertEqual(self.questions(), [])
        for ending in ("DROP TABLE own", "SELECT 1; DROP TABLE own"):
            self.run_("CREATE TEMPORARY TABLE own (id INT)")
            self.run_(ending)
            del self.bench.asked[:]
            self.run_("INSERT INTO own VALUES (1)")
            self.assertEqual(len(self.questions()), 1)
        self.begin()
        self.bench.has("own")
        self.run_("DROP TEMPORARY TABLE IF EXISTS own", prepared=True)
        self.run_("CREATE TEMPORARY TABLE own (id INT)")
        # The statement may have been executed.
        self.run_("INSERT INTO own VALUES (1)")
        self.assertEqual(len(self.questions()), 1)
        self.begin()
        self.run_("CREATE TEMPORARY TABLE own (id INT)", "error")
        self.run_("INSERT INTO own VALUES (1)")
        self.assertEqual(len(self.questions()), 1)
        self.run_("CREATE TEMPORARY TABLE own (id INT)")
        self.bench.session.resets += 1
        self.run_("INSERT INTO own VALUES (1)")
        self.assertEqual(len(self.questions()), 2)

    def test_a_table_that_the_text_ends_itself_is_looked_up(self):
        for text in ("DROP TEMPORARY TABLE own; INSERT INTO own VALUES (1)", "CALL own(1)"):
            self.run_("CREATE TEMPORARY TABLE own (id INT)")
            del self.bench.asked[:]
            self.run_(text)
            self.assertEqual(len(self.questions()), 1, text)

    def test_a_table_that_code_for_other_sessions_names_is_looked_up(self):
        for text in (
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO INSERT INTO own VALUES (1)",
            "CREATE PROCEDURE p(a INT) INSERT INTO own VALUES (a)",
            "CREATE TRIGGER t AFTER INSERT ON orders FOR EACH ROW INSERT INTO own VALUES (NEW.a)",
        ):
            self.run_("CREATE TEMPORARY TABLE own (id INT)")
            del self.bench.asked[:]
            self.run_(text)
            self.assertIn(b"own".hex().encode(), self.questions()[0], text)

    def test_statements_that_sql_prepares_and_releases(self):
        self.bench.has("orders")
        for number in range(500):
            self.run_(f"PREPARE s FROM 'INSERT INTO orders VALUES ({number}, ?)'")
        self.run_("EXECUTE s USING @a")
        for number in range(500):
            self.run_(f"PREPARE s{number} FROM 'INSERT INTO orders VALUES (?)'")
            self.run_(f"DEALLOCATE PREPARE s{number}")
        self.run_("EXECUTE s USING @a")

    def test_nothing_is_given_in_clear_to_a_view_that_was_not_known(self):
        fresh = Code(VIEW, "shop", "fresh", "select `name` from `shop`.`people`")
        self.bench.schema = SCHEMA._replace(code=[*SCHEMA.code, fresh])
        self.bench.has("fresh", is_code=True)
        for _ in range(2):
            # It is known the second time.
            verdict, statement, _ = self.judge("INSERT INTO fresh VALUES ('a')")
            self.assertIsInstance(verdict, Replace)
            self.assertNotIn(b"'a'", statement.text)
        self.assert_denied(self.judge("INSERT INTO fresh VALUES (UPPER('a'))")[0])
        self.assertEqual(len(self.questions()), 1)

    def test_nor_by_a_statement_that_waits_for_the_ones_before_it(self):
        """It asks for what they may have changed, and for the view, too."""
        fresh = Code(VIEW, "shop", "fresh", "select `name` from `shop`.`people`")
        text = "INSERT INTO fresh (name) VALUES ({})"
        for before in ("DROP TABLE fresh", "USE shop"):
            for prepared in (False, True):
                self.begin()
                self.judge("SELECT id FROM people")
                statement, mine = self.bench.statement(text.format("'Zaphod'"))
                if prepared:
                    _, statement, _ = self.judge(text.format("?"), True)
                self.bench.schema = SCHEMA._replace(code=[*SCHEMA.code, fresh])
                self.bench.has("fresh", is_code=True)
                _, _, exchange = self.judge(before)
                self.bench.holds = True
                if prepared:
                    parameters, mine = self.bench.parameters(statement, "Zaphod")
                    verdict = self.stage.on_parameters(parameters, mine)
                else:
                    verdict = self.stage.on_statement(statement, mine)
                # Its answer comes with that to the first question.
                exchange.close("ok")
                self.bench.holds = False
                self.bench.answer()
                self.assertIsNot(self.successResultOf(verdict), PASS, (before, prepared))

    def test_words_in_values_and_names_do_not_keep_it_from_asking(self):
        fresh = Code(VIEW, "shop", "fresh", "select `name` AS `error` from `shop`.`people`")
        self.bench.schema = SCHEMA._replace(code=[*SCHEMA.code, fresh])
        self.bench.has("fresh", is_code=True)
        verdict, statement, _ = self.judge("INSERT INTO fresh (error) VALUES ('ROW_COUNT() error')")
        self.assertIsInstance(verdict, Replace)
        self.assertNotIn(b"ROW_COUNT", statement.text)

    def test_nor_does_a_text_that_shows_what_it_has_left_itself(self):
        """Mappers of objects ask so how many rows they have written."""
        fresh = Code(VIEW, "shop", "fresh", "select `name` from `shop`.`people`")
        self.bench.schema = SCHEMA._replace(code=[*SCHEMA.code, fresh])
        self.bench.has("fresh", is_code=True)
        text = "INSERT INTO fresh (name) VALUES ('Zaphod'); SELECT 1 WHERE ROW_COUNT() = 1"
        verdict, statement, _ = self.judge(text)
        self.assertIsInstance(verdict, Replace)
        self.assertNotIn(b"Zaphod", statement.text)

    def test_a_view_that_a_definition_names_is_known_then(self):
        fresh = Code(VIEW, "shop", "fresh", "select `name` from `shop`.`people`")
        self.bench.schema = SCHEMA._replace(code=[*SCHEMA.code, fresh])
        self.bench.has("fresh", is_code=True)
        for text in (
            "CREATE VIEW x AS SELECT * FROM fresh; INSERT INTO x VALUES ('a')",
            "RENAME TABLE fresh TO x",
        ):
            self.assert_denied(self.judge(text)[0])

    def test_what_sql_has_prepared_is_judged_when_it_is_executed(self):
        def run(text):
            verdict, _, exchange = self.judge(text)
            exchange.close("ok")
            return verdict

        self.bench.has("orders")
        self.assertIs(run("PREPARE s FROM 'INSERT INTO orders VALUES (?)'"), PASS)
        self.assertIs(run("EXECUTE s USING @a"), PASS)
        fresh = Code(VIEW, "shop", "orders", "select `name` from `shop`.`people`")
        self.bench.schema = SCHEMA._replace(code=[*SCHEMA.code, fresh])
        # A definition that passes has the tables read anew.
        run("CREATE VIEW orders AS SELECT name FROM people")
        self.assert_denied(run("EXECUTE s USING @a"))
        # The server forgets what was prepared.
        self.bench.session.resets += 1
        self.assertIs(run("EXECUTE s USING @a"), PASS)

    def test_a_view_of_other_tables_is_no_reason_to_ask_again(self):
        self.assertIs(self.judge("INSERT INTO cheap VALUES (1)")[0], PASS)
        self.assertEqual(self.questions(), [])

    def test_what_is_not_there_is_looked_up_each_time(self):
        for _ in range(2):
            self.assertIs(self.judge("INSERT INTO nowhere VALUES (1)")[0], PASS)
        self.assertEqual(len(self.questions()), 2)

    def test_without_an_answer_nothing_is_given(self):
        self.bench.fails = True
        self.assert_denied(self.judge("INSERT INTO orders VALUES (1)")[0])

    def test_what_cannot_be_read_has_the_schema_looked_at(self):
        self.assertIs(self.judge("USE shop; INSERT INTO orders VALUES (1)")[0], PASS)
        self.assertIn(mark_question(), self.bench.asked)

    def test_a_text_that_shows_what_was_before_it_is_not_kept_from_that(self):
        self.assertIs(self.judge("INSERT INTO orders SELECT ROW_COUNT()")[0], PASS)
        self.assertEqual(self.bench.asked, [])


class Asking(Case):
    def test_the_tables_are_asked_for_once(self):
        self.judge(INSERT)
        self.judge(INSERT)
        self.assertEqual(len(self.bench.asked), 1)

    def test_a_statement_waits_for_the_answer(self):
        self.bench.holds = True
        statement, exchange = self.bench.statement(INSERT)
        verdict = self.stage.on_statement(statement, exchange)
        self.assertNoResult(verdict)
        self.bench.answer()
        self.assertIsInstance(self.successResultOf(verdict), Replace)

    def test_nothing_is_decided_without_one(self):
        self.bench.fails = True
        verdict, _, _ = self.judge("SELECT 1")
        self.assert_denied(verdict)
        self.assertEqual(verdict.rule, "schema_unknown")

    def test_what_shows_the_statement_before_is_not_disturbed(self):
        self.judge("SELECT 1")
        self.bench.time += MAX_AGE
        for text in ("SHOW WARNINGS", "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()"):
            self.assertIs(self.judge(text)[0], PASS)
        self.assertEqual(len(self.bench.asked), 1)
        self.judge("SELECT 1")
        self.assertEqual(len(self.bench.asked), 3)

    def test_a_statement_that_does_not_fit_is_judged_by_newer_tables(self):
        self.judge(INSERT)
        self.bench.time += 2
        more = PEOPLE._replace(columns=[*PEOPLE.columns, Column("more", "int")])
        self.bench.schema = SCHEMA._replace(tables=[more])
        text = "INSERT INTO people (name, more) VALUES ('Zaphod', 1)"
        self.assertIsInstance(self.judge(text)[0], Replace)
        # No more often than once a second.
        self.bench.schema = SCHEMA
        asked = len(self.bench.asked)
        for _ in range(3):
            self.assert_denied(self.judge("INSERT INTO people (name, less) VALUES ('a', 1)")[0])
        self.assertEqual(len(self.bench.asked), asked)

    def test_the_database_behind_a_use(self):
        self.judge(INSERT)
        _, _, exchange = self.judge("USE other")
        exchange.close("ok")
        self.bench.database = "other"
        verdict, _, _ = self.judge(INSERT)
        # There is no such table there.
        self.assert_denied(verdict)
        self.assertEqual(self.bench.session.database, b"other")

    def test_a_use_that_is_unanswered(self):
        self.judge(INSERT)
        statement, exchange = self.bench.statement("USE other")
        self.bench.session.outstanding.append((FORWARD, 0, exchange, None))
        self.bench.holds = True
        statement, mine = self.bench.statement(INSERT)
        verdict = self.stage.on_statement(statement, mine)
        self.assertEqual(self.bench.asked[1:], [b"DO 0"])
        self.assertNoResult(verdict)

    def test_a_definition_has_the_tables_asked_for_anew(self):
        self.judge(INSERT)
        verdict, _, exchange = self.judge("ALTER TABLE people ADD COLUMN more INT")
        self.assertIs(verdict, PASS)
        exchange.close("ok")
        self.judge(INSERT)
        self.assertEqual(len(self.bench.asked), 2)


class Prepared(Case):
    def test_values_that_are_bound(self):
        verdict, statement, _ = self.judge("INSERT INTO people (name, note) VALUES (?, ?)", True)
        self.assertIsInstance(verdict, Replace)
        self.assertEqual([one.source for one in statement.told], [1, 2])
        bound = self.bind(statement, "Zaphod", "n").item
        self.assertEqual(bound.types, [252, 253])
        self.assertEqual(bound.values[1], b"n")
        self.assertNotIn(b"Zaphod", bound.values[0])

    def test_one_value_becomes_two(self):
        text = "SELECT id FROM people WHERE id = ? AND email = ?"
        _, statement, _ = self.judge(text, True)
        self.assertEqual([one.source for one in statement.told], [1, 2])
        bound = self.bind(statement, 7, "z@example.com").item
        self.assertEqual(len(bound.values), 3)
        self.assertEqual(bound.types, [8, 252, 252])

    def test_nothing_protected(self):
        verdict, statement, _ = self.judge("SELECT ? FROM orders", True)
        self.assertIs(verdict, PASS)
        self.assertIs(self.bind(statement, "x"), PASS)

    def test_a_statement_of_tables_that_have_changed(self):
        _, statement, _ = self.judge("INSERT INTO people VALUES (1, ?, ?, 1, '', '', '', '')", True)
        columns = self.bench.schema.tables[0].columns
        other = self.bench.schema.tables[0]._replace(
            columns=[columns[0], columns[2], columns[1], *columns[3:]]
        )
        self.bench.schema = self.bench.schema._replace(tables=[other])
        _, _, exchange = self.judge("ALTER TABLE people ADD COLUMN more INT")
        exchange.close("ok")
        self.assert_denied(self.bind(statement, "a", "b"), 1615)

    def test_a_statement_of_tables_that_were_read_anew(self):
        _, statement, _ = self.judge("INSERT INTO people (name) VALUES (?)", True)
        more = self.bench.schema.tables[1]._replace(name="leads", columns=[])
        self.bench.schema = self.bench.schema._replace(tables=[self.bench.schema.tables[0], more])
        _, _, exchange = self.judge("ALTER TABLE leads ADD COLUMN more INT")
        exchange.close("ok")
        self.assertIsInstance(self.bind(statement, "a"), Replace)

    def test_keys_that_were_rotated(self):
        client = self.bench.session.identity.client_id
        _, statement, _ = self.judge("SELECT id FROM people WHERE email = ?", True)
        self.bench.keys.put(purposes.SEARCH_HMAC, b"i" * 32, client)
        self.assert_denied(self.bind(statement, "a"), 1615)

    def test_a_statement_that_was_never_judged(self):
        statement, _ = self.bench.statement("SELECT ?", True)
        self.judge("SELECT 1")
        self.assert_denied(self.bind(statement, "a"), 1615)

    def test_a_definition_that_is_executed_has_the_tables_asked_for_anew(self):
        _, statement, exchange = self.judge("ALTER TABLE people ADD COLUMN more INT", True)
        self.assertIsNone(exchange.watch)
        parameters, exchange = self.bench.parameters(statement)
        self.settled(self.stage.on_parameters(parameters, exchange))
        self.assertIsNotNone(exchange.watch)


class Results(Case):
    def result(self, text, *names):
        """The columns of a text's result, as the flow gives them their meaning."""
        _, statement, _ = self.judge(text)
        (meaning,) = statement.meanings or [self.bench.session.meaning]
        return described(*names, meaning=meaning)

    def test_columns_have_their_types_and_cells_their_values(self):
        _, stored, _ = self.judge(INSERT)
        name, email = (bytes.fromhex(one.decode()) for one in STORED(stored.text))
        columns = self.result("SELECT name, email FROM people", "name", "email")
        plan = self.stage.plan_result(columns)
        self.assertIsInstance(plan, CellReading)
        self.assertEqual(list(plan.columns.types), [253, 253])
        run = rows(columns, [name, email], [None, b""])
        self.settled(
            Decryptor(self.bench.keys, self.workers)
            .plan_result(columns)
            .transform(run, self.bench.exchange)
        )
        self.assertIsInstance(self.settled(plan.transform(run, self.bench.exchange)), Replace)
        self.assertEqual(run.cells(0), [b"Zaphod", b"z@example.com"])
        self.assertEqual(run.cells(1), [None, b""])

    def test_a_result_of_nothing_protected(self):
        columns = self.result("SELECT note FROM people", "note")
        self.assertIsNone(self.stage.plan_result(columns))
        self.assertIsNone(self.stage.plan_result(described("name")))

    def test_a_result_that_is_not_that_of_its_statement(self):
        columns = self.result("SELECT 1", "name")
        plan = self.stage.plan_result(columns)
        self.assertIsInstance(plan, OutdatedReading)
        run = rows(columns, [b"x"])
        self.assertIsInstance(plan.transform(run, self.bench.exchange), Deny)

    def test_others_stay_closed_for_whom_read_leaves_out(self):
        own = NAME._replace(readers=frozenset(("alice",)))
        self.begin(EncryptionSettings([TableSetting("", "people", (), {"name": own})]))
        columns = self.result("SELECT note FROM people", "note")
        self.assertIsInstance(self.stage.plan_result(columns), CellClosing)
        verdict, _, _ = self.judge("SELECT COUNT(*) FROM people GROUP BY name")
        self.assertIsInstance(verdict, Deny)


class Configured(Case):
    TEXT = "SELECT UPPER(name) FROM people"

    def bypassed(self, until=10.0):
        bypass = Bypass(
            *(self.client, self.TEXT, frozenset(("people.name",)), until, "a report"), name="one"
        )
        self.begin(SETTINGS._replace(bypasses=(bypass,)))

    client = "client"

    def test_a_bypass(self):
        self.bypassed()
        verdict, _, exchange = self.judge(self.TEXT)
        self.assertIs(verdict, PASS)
        self.assertEqual(exchange.attributes["acra.encryption_bypassed"], "one")
        self.assert_denied(self.judge("SELECT LOWER(name) FROM people")[0])
        self.assert_denied(self.judge('SELECT UPPER(name) FROM people WHERE note = "x"')[0])

    def test_a_bypass_that_has_ended(self):
        self.bypassed(until=4.0)
        self.assert_denied(self.judge(self.TEXT)[0])

    def test_a_bypass_that_ends_before_the_execution(self):
        self.bypassed()
        verdict, statement, _ = self.judge(self.TEXT, True)
        self.assertIs(verdict, PASS)
        self.assertIs(self.bind(statement), PASS)
        self.bench.settings = self.bench.settings._replace(bypasses=())
        self.reload()
        self.assert_denied(self.bind(statement), 1235)

    def reload(self):
        done = self.stage.reload()
        self.workers.turn()
        self.successResultOf(done)

    def test_other_settings(self):
        self.judge(INSERT)
        self.bench.settings = SETTINGS._replace(tables=SETTINGS.tables[1:])
        self.reload()
        self.assertIs(self.judge(INSERT)[0], PASS)

    def test_it_is_stopped(self):
        self.successResultOf(self.stage.stop())

    def test_exchanges_of_one_session_share_what_is_known(self):
        self.judge(INSERT)
        exchange = Exchange(self.bench.session, "query", None, 1)
        self.assertIs(exchange.session.notes, self.bench.session.notes)
