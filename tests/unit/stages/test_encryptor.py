"""The stage that encrypts columns: its hooks, and what it needs to know before it decides."""

from itertools import product

from zope.interface.verify import verifyObject

from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.interfaces import (
    IReloadable,
    IResultStage,
    ISelectiveParameterStage,
    ISelectiveStatementStage,
)
from acra_twisted.results import LINES, Columns
from acra_twisted.session import FAILED_TRANSACTION, IN_TRANSACTION
from acra_twisted.stages.cellreading import OutdatedReading
from acra_twisted.stages.decryptor import Decryptor
from acra_twisted.stages.encryptor import Encryptor
from acra_twisted.verdicts import PASS, Deny, Pass, Replace
from tests.support.containers import CLIENT, batch, hexed
from tests.support.encryptors import (
    AGE,
    FOREIGN,
    NAME,
    NAMES,
    SECRET,
    SETTINGS,
    BoundCase,
    EncryptorCase,
    end,
)
from tests.support.sessions import make_session


class Hooks(EncryptorCase):
    def test_it_is_a_stage_for_statements_values_and_results(self):
        for interface in (
            ISelectiveStatementStage,
            ISelectiveParameterStage,
            IResultStage,
            IReloadable,
        ):
            verifyObject(interface, self.stage)

    def test_literals_are_cut_out_of_long_statements_with_protected_columns_alone(self):
        for text, is_cut in (
            (f"SELECT note FROM others WHERE id IN ({', '.join(['17'] * 300)})", False),
            (f"UPDATE people SET name = '{SECRET}' WHERE id = 17", True),
        ):
            self.judge(text)
            # From now on its plans are known.
            verdict, statement = self.judge(text)
            self.assertIs(type(verdict), Replace if is_cut else Pass)
            self.assertEqual(statement.skeleton is not None, is_cut)

    def test_queries_without_protected_names_are_not_judged(self):
        query, other = Statement(b"SELECT note FROM others"), Statement(b"SELECT 1 FROM people")
        # Nothing is certain yet.
        self.assertTrue(self.is_judged(query))
        self.judge("SELECT 1")
        meaning, self.session.meaning = self.session.meaning, None
        self.assertTrue(self.is_judged(other))
        self.assertFalse(self.is_judged(query))
        # Its result is read by the tables as they are now.
        self.assertIs(self.session.meaning, meaning)
        self.judge("ALTER TABLE people ADD x int")
        self.assertTrue(self.is_judged(query))
        end(self.exchange, b"ALTER TABLE")
        self.judge("SELECT 1")
        self.assertFalse(self.is_judged(query))
        self.now += 301
        self.assertTrue(self.is_judged(query))

    def test_every_query_is_judged_while_a_cursor_shows_protected_columns(self):
        query = Statement(b"SELECT note FROM others")
        self.session.transaction = IN_TRANSACTION
        self.judge("DECLARE c CURSOR FOR SELECT name FROM people")
        end(self.exchange, b"DECLARE CURSOR")
        self.judge("SELECT 1")
        self.assertTrue(self.is_judged(query))

    def test_nothing_passes_while_the_tables_are_not_known(self):
        self.database.fails = True
        for text in ("SELECT 1", f"UPDATE people SET name = '{SECRET}'"):
            verdict, _ = self.judge(text)
            self.refused(verdict)
        # But for what must be possible in a transaction that has failed.
        self.session.transaction = FAILED_TRANSACTION
        for text in ("ROLLBACK", "rollback to savepoint a;", "COMMIT"):
            verdict, statement = self.judge(text, b"")
            self.assertIs(verdict, PASS)
            bound = Parameters([], [], statement, [])
            self.assertIs(self.stage.on_parameters(bound, self.exchange), PASS)


class NewNames(EncryptorCase):
    """Tables that a text gives values to, and that may have been made since the schema was read."""

    INSERT = f"INSERT INTO fresh (name) VALUES ('{SECRET}')"

    def setUp(self):
        super().setUp()
        self.judge("SELECT 1")
        del self.database.asked[:]

    def test_a_table_is_looked_up_once(self):
        self.database.relations = [["others", True]]
        for text in ("INSERT INTO others VALUES (1)", "UPDATE public.others SET note = 'a'"):
            self.assertIs(self.judge(text)[0], PASS)
        self.assertEqual(self.database.asked, ["lookup"])

    def test_it_is_looked_up_before_a_statement_passes_by_its_words(self):
        self.database.relations = [["others", True]]
        statement = Statement(b"INSERT INTO others VALUES (1)")
        self.assertTrue(self.is_judged(statement))
        self.judge("INSERT INTO others VALUES (1)")
        self.assertFalse(self.is_judged(statement))

    def test_nothing_is_given_to_what_was_not_known_before_the_schema_is_read(self):
        self.database.relations = [["fresh", False]]
        # A mark that is the same tells that it has nothing to do with protected columns.
        self.now += 5
        self.judge("SELECT 1")
        del self.database.asked[:]
        self.assertIs(self.judge(self.INSERT)[0], PASS)
        self.assertEqual(self.database.asked, ["lookup", "mark"])
        self.database.kids = ["fresh2"]
        self.database.relations = [["fresh2", False]]
        del self.database.asked[:]
        verdict, _ = self.judge(self.INSERT.replace("fresh", "fresh2"))
        self.assertEqual(self.database.asked, ["lookup", "mark", "schema", "path"])
        self.assertIsInstance(verdict, Replace)
        self.assertNotIn(SECRET.encode(), verdict.item.text)

    def test_what_a_transaction_reads_is_for_its_session(self):
        self.session.transaction = IN_TRANSACTION
        self.database.relations = [["fresh", False]]
        self.database.kids = ["fresh"]
        self.assertIsInstance(self.judge(self.INSERT)[0], Replace)
        other = make_session()
        other.database = b"db"
        other.ask = self.database.ask
        del self.database.asked[:]
        exchange = Exchange(other, "query", None, 1)
        statement = Statement(self.INSERT.encode())
        self.successResultOf(self.stage.on_statement(statement, exchange))
        self.assertIn("schema", self.database.asked)

    def test_a_transaction_that_cannot_see_it_is_refused(self):
        self.session.transaction = IN_TRANSACTION
        self.database.isolation = b"repeatable read"
        self.refused(self.judge(self.INSERT)[0])
        self.database.relations = [["others", True]]
        self.assertIs(self.judge("INSERT INTO others VALUES (1)")[0], PASS)

    def test_names_are_read_in_the_encoding_of_the_session(self):
        """A new view of a protected table; its name in LATIN1 is another one, or none, in UTF-8."""
        for name, is_unsure in (
            ("vu\u00e9", False),
            ("\u00c3\u00a9", False),
            ("\u00c3\u00a9", True),
        ):
            self.setUp()
            self.session.parameters = {b"client_encoding": b"LATIN1"}
            self.session.in_flight = is_unsure
            self.judge("SELECT 1")
            self.database.kids = [name]
            self.database.relations = [[name, False]]
            asked, ask = [], self.database.ask
            self.session.ask = lambda text, asked=asked, ask=ask: asked.append(text) or ask(text)
            text = f"INSERT INTO \"{name}\" (name) VALUES ('{SECRET}')".encode("latin-1")
            statement = Statement(text)
            statement.conforming = None if is_unsure else True
            exchange = Exchange(self.session, "query", statement, 1)
            self.refused(self.settled(self.stage.on_statement(statement, exchange)))
            names = b"".join(
                b"\\u%04x" % ord(one) if ord(one) > 127 else one.encode() for one in name
            )
            looked_up = [b"E'%b'" % names in one for one in asked if b"relhasrules" in one]
            self.assertEqual(looked_up, [] if is_unsure else [True], name)

    def test_what_is_not_there_is_looked_up_each_time(self):
        for _ in range(2):
            self.assertIs(self.judge("INSERT INTO nowhere VALUES (1)")[0], PASS)
        self.assertEqual(self.database.asked, ["lookup"] * 2)

    def test_a_session_that_begins_looks_them_up_too(self):
        self.session.notes.clear()
        self.judge(self.INSERT)
        self.assertIn("lookup", self.database.asked)

    def test_where_nobody_can_ask_what_is_known_counts(self):
        self.database.fails = True
        self.assertIs(self.judge(self.INSERT)[0], PASS)
        verdict, _ = self.judge("INSERT INTO people (id) VALUES (1); INSERT INTO x VALUES (1)")
        self.assertIs(verdict, PASS)


class Definitions(EncryptorCase):
    """Statements that make something, or give it another name."""

    INSERT = "INSERT INTO orders VALUES (1)"
    VIEW = "CREATE VIEW v AS SELECT name FROM people WHERE EXISTS (SELECT 1 FROM tmp)"

    def setUp(self):
        super().setUp()
        self.database.relations = [["orders", True]]
        self.judge(self.INSERT)
        del self.database.asked[:]

    def run_(self, text, *tags):
        verdict, _ = self.judge(text)
        end(self.exchange, *tags)
        return verdict

    def test_what_they_name_is_looked_up_with_the_path(self):
        self.assertIs(self.judge("CREATE VIEW v AS SELECT * FROM orders")[0], PASS)
        self.assertEqual(self.database.asked, ["lookup", "path"])

    def test_a_new_view_that_they_name_is_known_then(self):
        self.database.relations = [["fresh", False]]
        self.database.kids = ["fresh"]
        for text in (
            "ALTER VIEW fresh RENAME TO x; INSERT INTO x VALUES (1)",
            "CREATE VIEW x AS SELECT * FROM fresh; INSERT INTO x VALUES (1)",
            "CREATE TEMP VIEW x AS SELECT name FROM fresh",
            "CREATE FUNCTION f() RETURNS void AS $$ UPDATE fresh SET note = 1$$ LANGUAGE sql",
        ):
            self.now += 6
            self.refused(self.judge(text)[0])

    def test_their_words_are_looked_up_anew_behind_them(self):
        self.run_("DROP TABLE orders", b"DROP TABLE")
        del self.database.asked[:]
        self.judge(self.INSERT)
        self.assertEqual(self.database.asked, ["lookup"])

    def test_those_of_others_stay_known(self):
        self.run_("DROP TABLE firms", b"DROP TABLE")
        del self.database.asked[:]
        self.judge(self.INSERT)
        self.assertEqual(self.database.asked, [])

    def test_a_view_of_a_table_that_is_temporary_by_now(self):
        self.assertIsNot(type(self.judge(self.VIEW)[0]), Deny)
        self.database.path[0] = ["pg_temp_3", "pg_catalog", "public"]
        self.refused(self.judge(self.VIEW)[0])

    def test_where_nobody_can_be_asked_it_may_be_temporary(self):
        self.database.fails = True
        self.refused(self.judge(self.VIEW)[0])
        self.assertIs(self.judge("CREATE VIEW public.v AS SELECT note FROM people, tmp")[0], PASS)

    def test_one_that_is_prepared_is_judged_when_it_is_executed(self):
        verdict, statement = self.judge(self.VIEW, b"s", ())
        self.assertIs(verdict, PASS)
        for schema, verdict_type in (("public", type(PASS)), ("pg_temp_3", Deny)):
            self.database.path[0] = [schema, "pg_catalog", "public"]
            del self.database.asked[:]
            exchange = Exchange(self.session, "batch", statement, 1)
            found = self.settled(
                self.stage.on_parameters(Parameters([], [], statement, []), exchange)
            )
            self.assertIs(type(found), verdict_type)
            self.assertIn("path", self.database.asked)
            end(exchange)

    def test_what_is_written_in_a_text_is_there_or_made_in_it(self):
        self.database.relations = [["orders", True]]
        for text, verdict_type in (
            ("SELECT f(); INSERT INTO x VALUES (1)", Deny),
            ("SELECT f(); INSERT INTO orders VALUES (1)", type(PASS)),
            ("CREATE TABLE x (a int); INSERT INTO x VALUES (1)", type(PASS)),
            ("ALTER TABLE orders RENAME TO x; INSERT INTO x VALUES (1)", type(PASS)),
            ("SELECT * INTO x FROM orders; INSERT INTO x VALUES (1)", type(PASS)),
            ("INSERT INTO x VALUES (1)", type(PASS)),
        ):
            self.assertIs(type(self.run_(text)), verdict_type, text)

    def test_a_change_of_the_path_makes_names_in_the_same_text_others(self):
        self.assertIs(self.judge("SET search_path = s; INSERT INTO orders VALUES (1)")[0], PASS)
        self.assertIn("lookup", self.database.asked)


class Looking(BoundCase):
    """Values that are bound to statements without protected columns are left alone."""

    PLAIN = "SELECT note FROM others WHERE id = $1"

    def looked_at(self, statement):
        return self.stage.looks_at(statement, self.session)

    def test_values_of_other_statements_are_not_looked_at(self):
        statement = self.prepare(self.PLAIN)
        meaning, self.session.meaning = self.session.meaning, None
        self.assertFalse(self.looked_at(statement))
        # Its result is read by the tables as they are now.
        self.assertIs(self.session.meaning, meaning)
        self.assertIs(self.bind(statement, [b"1"]), PASS)

    def test_all_that_may_concern_a_protected_column_is_looked_at(self):
        for text in (self.TEXT, "BEGIN", "SET search_path = 'x'", "SELECT name FROM people"):
            self.assertTrue(self.looked_at(self.prepare(text)), text)
        self.assertTrue(self.looked_at(Statement(b"SELECT 1", b"s")))

    def test_nothing_is_passed_over_where_names_may_mean_others(self):
        statement = self.prepare(self.PLAIN)
        other = make_session()
        other.database = b"db"
        self.assertTrue(self.stage.looks_at(statement, other))
        self.now += 301
        self.assertTrue(self.looked_at(statement))
        self.judge("SELECT 1")
        self.assertFalse(self.looked_at(statement))
        self.judge("ALTER TABLE people ADD x int")
        self.assertTrue(self.looked_at(statement))
        self.database.oid = 8
        end(self.exchange, b"ALTER TABLE")
        self.judge("SELECT 1")
        # The names of its tables mean others than when it was prepared.
        self.assertTrue(self.looked_at(statement))
        self.assertFalse(self.looked_at(self.prepare(self.PLAIN)))

    def test_values_are_looked_at_while_a_portal_or_sql_may_run_something_else(self):
        statement = self.prepare(self.PLAIN)
        self.judge("PREPARE q AS SELECT name FROM people")
        end(self.exchange, b"PREPARE")
        self.assertTrue(self.looked_at(statement))


class Reloading(EncryptorCase):
    """SIGHUP: the settings that are read anew hold for all sessions."""

    def setUp(self):
        super().setUp()
        self.configured = NAMES
        self.stage = Encryptor(
            NAMES, self.bench.keys, self.workers, lambda: self.now, read=self.read
        )

    def read(self):
        if self.configured is None:
            raise ConfigError("wrong")
        return self.configured

    def reload(self):
        reading = self.stage.reload()
        self.workers.turn()
        return reading

    def write(self):
        return self.sent(f"UPDATE people SET age = 42, note = '{SECRET}'")

    def test_a_column_becomes_protected_under_a_session(self):
        self.assertIn(b"age = 42", self.write())
        self.assertEqual(self.stage.summary, "1 column")
        self.configured = SETTINGS
        self.successResultOf(self.reload())
        self.assertEqual(self.stage.summary, "3 columns")
        [value] = self.values(self.write())
        self.assertEqual(value, b"42")

    def test_results_are_read_by_the_new_settings(self):
        described = Columns([b"n"], [7], [17], [0], attributes=[3])
        self.judge("SELECT age FROM people")
        plan = self.stage.plan_result
        self.assertIsNone(plan(described.with_meaning(self.session.meaning)))
        self.configured = SETTINGS
        self.successResultOf(self.reload())
        self.judge("SELECT age FROM people")
        reading = plan(described.with_meaning(self.session.meaning))
        self.assertEqual(reading.columns.types, [23])

    def test_a_statement_that_was_prepared_is_not_executed_by_older_settings(self):
        for text in ("UPDATE people SET age = $1", "UPDATE people SET name = 'x', age = $1"):
            self.stage = Encryptor(
                NAMES, self.bench.keys, self.workers, lambda: self.now, read=self.read
            )
            self.session.notes.clear()
            verdict, statement = self.judge(text, b"s", [])
            if type(verdict) is Replace:
                statement.become(verdict.item)
            self.configured = SETTINGS
            self.successResultOf(self.reload())
            exchange = Exchange(self.session, "execute", statement, 1)
            bound = Parameters([b"42"], [0], statement, [0])
            self.assertIs(type(self.settled(self.stage.on_parameters(bound, exchange))), Deny)

    def test_mistakes_change_nothing(self):
        self.write()
        self.configured = None
        self.failureResultOf(self.reload(), ConfigError)
        self.assertIn(b"age = 42", self.write())
        self.configured = SETTINGS
        self.successResultOf(self.reload())
        self.assertEqual(self.values(self.write()), [b"42"])

    def test_the_same_settings_keep_what_was_planned_and_look_at_the_tables(self):
        self.write()
        meaning = self.session.meaning
        self.database.asked.clear()
        self.now += 2
        self.successResultOf(self.reload())
        self.write()
        self.assertEqual(self.database.asked, ["mark", "schema", "path"])
        self.assertIs(self.session.meaning, meaning)

    def test_without_a_source_they_never_change(self):
        stage = Encryptor(NAMES, self.bench.keys, self.workers, lambda: self.now)
        reading = stage.reload()
        self.workers.turn()
        self.successResultOf(reading)
        self.assertEqual(stage.summary, "1 column")


class Results(EncryptorCase):
    def columns(self, table=7, attribute=2, layout=""):
        described = Columns(
            [b"n"], [table], [17], [0], layout, attributes=[attribute], values=VALUES
        )
        return described.with_meaning(self.session.meaning)

    def test_columns_of_protected_tables_are_read(self):
        self.assertIsNone(self.stage.plan_result(self.columns()))
        self.judge("SELECT 1")
        reading = self.stage.plan_result(self.columns())
        self.assertEqual(reading.columns.types, [25])
        self.assertIsNone(self.stage.plan_result(self.columns(attribute=1)))
        self.assertIsNone(self.stage.plan_result(self.columns(layout=LINES)))
        # A table that was made past the server.
        self.assertIs(type(self.stage.plan_result(self.shown(table=8))), OutdatedReading)

    def test_what_no_setting_is_known_of_stays_closed_for_clients_that_may_not_read_all(self):
        for readers, layout in product(([CLIENT], ["other"]), ("", LINES)):
            hidden = NAME._replace(readers=frozenset(readers))
            table = TableSetting("", "people", (), {"name": hidden, "age": AGE})
            self.stage = self.made(EncryptionSettings([table]))
            self.session.notes.clear()
            self.judge("SELECT 1")
            stored = hexed(self.bench.block(b"secret"))
            run = batch([stored], types=[17])
            run.columns = self.columns(table=99, layout=layout)
            opened = self.transformed(Decryptor(self.bench.keys, self.workers), run)
            self.assertEqual(run.cells(0), [hexed(b"secret")])
            self.assertIsInstance(opened, Replace)
            shown = self.transformed(self.stage, run)
            may = readers == [CLIENT]
            self.assertEqual(run.cells(0), [hexed(b"secret") if may else stored])
            self.assertEqual(shown is PASS, may)

    def test_columns_beside_protected_ones_stay_closed_as_well(self):
        hidden = FOREIGN._replace(readers=frozenset(["other"]), owner="")
        table = TableSetting("", "people", (), {"name": NAME, "key": hidden})
        self.stage = self.made(EncryptionSettings([table]))
        self.judge("SELECT 1")
        stored = hexed(self.bench.block(b"secret"))
        run = batch([stored] * 2, types=[17] * 2)
        run.columns = Columns(
            [b"n"] * 2, [7, 7], [17] * 2, [0] * 2, attributes=[2, 4], values=VALUES
        ).with_meaning(self.session.meaning)
        self.transformed(Decryptor(self.bench.keys, self.workers), run)
        self.transformed(self.stage, run)
        self.assertEqual(run.cells(0), [b"secret", stored])

    def transformed(self, stage, run):
        transform = stage.plan_result(run.columns)
        return self.settled(transform.transform(run, self.bench.exchange))

    def shown(self, table):
        """Columns of a SELECT from a table with a number that is not known, and another name."""
        _, statement = self.judge("SELECT name FROM people")
        return self.columns(table).with_meaning(statement.meanings[0])


class Unreported(EncryptorCase):
    """A database that does not report its search path, with tables of one name that are protected
    differently."""

    def setUp(self):
        super().setUp()
        self.database.schemas = ["public", "other"]
        self.judge("SELECT name FROM people")
        del self.database.asked[:]

    def test_the_path_is_asked_for_before_each_statement_that_names_one(self):
        self.judge("SELECT 1 FROM orders")
        self.assertEqual(self.database.asked, [])
        for text in ("SELECT name FROM people", "select 1 from PEOPLE", 'SELECT 1 AS U&"a"'):
            self.judge(text)
            self.assertEqual(self.database.asked, ["path"], text)
            del self.database.asked[:]

    def test_the_path_is_asked_for_before_what_sql_prepared_is_executed(self):
        self.judge("PREPARE p AS SELECT name FROM people")
        end(self.exchange, b"PREPARE")
        del self.database.asked[:]
        self.judge("EXECUTE p")
        self.assertEqual(self.database.asked, ["path"])

    def test_it_counts_where_nobody_can_be_asked(self):
        self.database.fails = True
        self.assertIsNot(type(self.judge("SELECT name FROM people")[0]), Deny)

    def test_where_it_is_reported_nobody_asks(self):
        self.session.parameters = {b"search_path": b"public"}
        self.judge("SELECT name FROM people")
        del self.database.asked[:]
        self.judge("SELECT name FROM people")
        self.assertEqual(self.database.asked, [])

    def test_before_values_are_bound(self):
        _, statement = self.judge("SELECT name FROM people", b"s", ())
        del self.database.asked[:]
        exchange = Exchange(self.session, "execute", statement, 1)
        self.settled(self.stage.on_parameters(Parameters([], [], statement, []), exchange))
        self.assertEqual(self.database.asked, ["path"])
