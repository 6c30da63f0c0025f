"""Protected columns of a session: asked for when they are not certain, and shared when they are."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange
from acra_twisted.results import Columns
from acra_twisted.session import FAILED_TRANSACTION, IDLE, IN_TRANSACTION
from acra_twisted.stages.sessioncolumns import SessionColumns, is_control, may_change
from tests.support.schemas import answer, cell, column, table
from tests.support.sessions import make_session

NAME = ColumnSetting("", "people", "name", data_type="str")
SETTINGS = EncryptionSettings([TableSetting("", "people", (), {"name": NAME})])


def people(oid=7, kids=()):
    """The answer about one table, and those that inherit from it."""
    return answer(
        *(
            table(100 + number, kid, column("name", 1), parents=[oid])
            for number, kid in enumerate(kids)
        ),
        table(
            oid,
            "people",
            column("id", 1, 23),
            column("name", 2),
            column("age", 3),
            column("key", 4),
            column("note", 5, 25),
        ),
    )


class Database:
    """Answers the questions of one session, and notes them."""

    def __init__(self, session, oid=7):
        self.oid = oid
        self.kids = []
        self.path = [["pg_catalog", "public"], None]
        self.asked = []
        self.fails = False
        session.ask = self.ask

    def ask(self, text):
        if self.fails:
            return fail(QuestionError("not now"))
        kind = "path" if b"current_schemas" in text else "schema" if b"pg_class" in text else "wait"
        self.asked.append(kind)
        cells = {"path": [cell(self.path)], "schema": people(self.oid, self.kids), "wait": []}[kind]
        return succeed([[one] for one in cells])


class Case(SynchronousTestCase):
    def setUp(self):
        self.now = 1000.0
        self.columns = SessionColumns(SETTINGS, lambda: self.now)
        self.session, self.known, self.database = self.begin()

    def begin(self, database=b"db"):
        session = make_session()
        session.database = database
        return session, self.columns.begin(session), Database(session)

    def learn(self, session=None, known=None):
        return Deferred.fromCoroutine(
            self.columns.learn(session or self.session, known or self.known)
        )

    def run_statement(self, text, *tags, status=IDLE, outcome="ok", code=""):
        """A statement that is watched, and ends."""
        exchange = Exchange(self.session, "query", None, 1)
        self.columns.watch(self.known, exchange, text, b"people" in text)
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        exchange.tags += tags
        exchange.outcome, exchange.status_code = outcome, code
        self.session.transaction = status
        exchange.close(outcome)
        return exchange


class Learning(Case):
    def test_a_session_asks_once_and_others_of_its_database_for_their_path_alone(self):
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        snapshot = self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["schema", "path"])
        self.assertEqual(dict(snapshot.protection.by_column), {(7, 2): NAME})
        self.assertIs(self.columns.snapshot(self.session, self.known), snapshot)
        session, known, database = self.begin()
        self.assertIsNone(self.columns.snapshot(session, known))
        self.assertIs(self.successResultOf(self.learn(session, known)), snapshot)
        self.assertEqual(database.asked, ["path"])
        session, known, database = self.begin(b"another database")
        self.assertIsNot(self.successResultOf(self.learn(session, known)), snapshot)

    def test_where_the_database_cannot_be_asked_nothing_is_known(self):
        self.database.fails = True
        self.failureResultOf(self.learn(), QuestionError)
        self.database.fails = False
        self.successResultOf(self.learn())

    def test_what_is_old_is_asked_for_again_and_holds_if_it_cannot_be(self):
        snapshot = self.successResultOf(self.learn())
        self.now += 301
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        self.database.fails = True
        self.assertIs(self.successResultOf(self.learn()), snapshot)
        self.now += 600
        self.failureResultOf(self.learn(), QuestionError)

    def test_a_reading_inside_a_transaction_is_for_that_session_alone(self):
        """It may have seen what is rolled back, or what was before others' changes."""
        self.session.transaction = IN_TRANSACTION
        own = self.successResultOf(self.learn())
        self.assertIs(self.columns.snapshot(self.session, self.known), own)
        session, known, database = self.begin()
        database.oid = 8
        self.assertIsNone(self.columns.snapshot(session, known))
        shared = self.successResultOf(self.learn(session, known))
        self.assertEqual(dict(shared.protection.by_column), {(8, 2): NAME})
        self.session.transaction = IDLE
        self.assertIs(self.columns.snapshot(self.session, self.known), shared)

    def test_what_is_old_is_not_asked_for_inside_a_transaction(self):
        snapshot = self.successResultOf(self.learn())
        self.now += 301
        self.session.transaction = IN_TRANSACTION
        self.assertIs(self.columns.snapshot(self.session, self.known), snapshot)
        self.session.transaction = IDLE
        self.assertIsNone(self.columns.snapshot(self.session, self.known))

    def test_what_is_unanswered_may_begin_a_transaction_and_is_awaited(self):
        self.session.in_flight = True
        self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["wait", "schema", "path"])

    def test_the_same_tables_have_the_same_plans(self):
        snapshot = self.successResultOf(self.learn())
        self.now += 301
        self.assertIs(self.successResultOf(self.learn()), snapshot)
        self.database.oid = 8
        self.now += 301
        self.assertIsNot(self.successResultOf(self.learn()), snapshot)


class Changing(Case):
    def setUp(self):
        super().setUp()
        self.snapshot = self.successResultOf(self.learn())
        self.database.asked.clear()

    def test_a_definition_makes_everybody_ask(self):
        other_session, other, _ = self.begin()
        self.run_statement(b"ALTER TABLE people ADD x int", b"ALTER TABLE")
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["schema"])
        self.assertIsNone(self.columns.snapshot(other_session, other))

    def test_one_inside_a_transaction_is_the_sessions_own_until_it_ends(self):
        other_session, other, _ = self.begin()
        self.successResultOf(self.learn(other_session, other))
        self.run_statement(b"CREATE TABLE people ()", b"CREATE TABLE", status=IN_TRANSACTION)
        self.database.oid = 8
        own = self.successResultOf(self.learn())
        self.assertEqual(dict(own.protection.by_column), {(8, 2): NAME})
        self.assertIs(self.successResultOf(self.learn(other_session, other)), self.snapshot)
        self.assertIs(self.columns.snapshot(other_session, other), self.snapshot)
        self.assertTrue(self.known.is_dirty)
        self.run_statement(b"COMMIT", b"COMMIT")
        self.assertIsNone(self.columns.snapshot(other_session, other))
        self.assertFalse(self.known.is_dirty)

    def test_a_statement_that_is_not_answered_must_be_waited_for(self):
        exchange = Exchange(self.session, "query", None, 1)
        self.columns.watch(self.known, exchange, b"SET search_path = x", False)
        self.failureResultOf(self.learn(), QuestionError)
        self.assertEqual(self.database.asked, ["wait"])
        exchange.tags.append(b"SET")
        exchange.close("ok")
        self.successResultOf(self.learn())
        self.assertEqual(self.database.asked, ["wait", "path"])

    def test_an_error_that_tells_of_another_schema(self):
        self.now += 2
        self.run_statement(b"x", outcome="error", code="42P01", status=FAILED_TRANSACTION)
        # Nothing can be asked, and nothing is done, before it is rolled back.
        self.assertIs(self.columns.snapshot(self.session, self.known), self.snapshot)
        self.session.transaction = IDLE
        self.assertIsNone(self.columns.snapshot(self.session, self.known))

    def test_a_search_path_that_the_database_reports_is_asked_for(self):
        """A function that a query calls may set it."""
        for value in (b"public", b"other"):
            self.session.parameters = {b"search_path": value}
            self.assertIsNone(self.columns.snapshot(self.session, self.known))
            self.successResultOf(self.learn())
            self.assertEqual(self.database.asked, ["path"])
            self.assertIs(self.columns.snapshot(self.session, self.known), self.snapshot)
            self.database.asked.clear()

    def test_what_changes_nothing_is_forgotten(self):
        self.run_statement(b"SET TIME ZONE 'UTC'", b"SET")
        self.assertIs(self.columns.snapshot(self.session, self.known), self.snapshot)
        self.assertFalse(self.known.is_dirty)


class Results(Case):
    def described(self, *places):
        tables, attributes = zip(*places, strict=True)
        nothing = [0] * len(places)
        return Columns([b""] * len(places), tables, nothing, nothing, attributes=attributes)

    def test_the_table_counts_before_the_tree(self):
        snapshot = self.successResultOf(self.learn())
        tree = (ResultColumn(NAME), ResultColumn(None), ResultColumn(NAME))
        meaning = snapshot.meaning_of(tree)
        self.assertIs(snapshot.meaning_of(list(tree)), meaning)
        found = meaning.settings(self.described((7, 1), (7, 2), (0, 0)))
        self.assertEqual(found, [None, NAME, NAME])
        # Another number of columns than the tree has: only the database is believed.
        self.assertEqual(meaning.settings(self.described((7, 2), (0, 0))), [NAME, None])
        self.assertIs(snapshot.meaning_of(None), snapshot.meaning)
        self.assertIs(snapshot.meaning_of((ResultColumn(None),)), snapshot.meaning)
        self.assertEqual(snapshot.meaning.settings(self.described((7, 2), (7, 1))), [NAME, None])

    def test_a_table_that_nobody_knows_makes_the_schema_doubtful(self):
        snapshot = self.successResultOf(self.learn())
        meaning = snapshot.meaning_of((ResultColumn(NAME),))
        self.now += 2
        self.assertIs(self.columns.snapshot(self.session, self.known), snapshot)
        self.assertEqual(meaning.settings(self.described((99, 2))), [NAME])
        self.assertIsNone(self.columns.snapshot(self.session, self.known))


class Texts(SynchronousTestCase):
    def test_statements_that_may_change_what_names_mean(self):
        for text in (
            *(b"CREATE TABLE t ()", b"set search_path = x", b"DISCARD ALL", b"do $$$$", b""),
            *(b"select set_config('search_path', 'x', false)", b"select 1; drop table t"),
            *(b"SELECT * INTO TEMP people FROM t", b"update pg_settings set setting = 'x'"),
            b'select U&"x"()',
        ):
            self.assertTrue(may_change(text), text)
        for text in (
            *(b"select temperature from t;", b" INSERT INTO t VALUES (1)", b"fetch all from c"),
            *(b"with x as (select 1) select * from x", b"copy t from stdin", b"values (1)"),
        ):
            self.assertFalse(may_change(text), text)

    def test_statements_that_begin_and_end_transactions(self):
        for text in (
            *(b"BEGIN", b"begin;", b" commit work ; ", b"ROLLBACK TO SAVEPOINT a", b"end"),
            *(b'savepoint "a b"', b"start transaction isolation level serializable, read only"),
        ):
            self.assertTrue(is_control(text), text)
        for text in (
            *(b"begin; insert into t values (1)", b"commit prepared 'x'", b"rollback /* x */"),
            *(b"select 1", b"beginning", b"begin $$x$$", b"release f(1)"),
        ):
            self.assertFalse(is_control(text), text)
