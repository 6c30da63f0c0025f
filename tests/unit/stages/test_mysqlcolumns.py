"""The protected columns of a MySQL server as its sessions know them."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.encryption.mysql.keeper import LOOK, MAX_AGE
from acra_twisted.encryption.mysql.plan import UNTOUCHED, Plan
from acra_twisted.encryption.mysql.question import (
    SchemaError,
    database_question,
    schema_question,
)
from acra_twisted.encryption.mysql.servermark import mark_question
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IWatch
from acra_twisted.outstanding import FORWARD
from acra_twisted.stages.mysqlcolumns import MysqlColumns, MysqlKnown, MysqlWatch
from acra_twisted.stages.mysqlmodes import DATABASE, RIGHTS, ROLE, TABLES
from tests.support.mysqlplanning import SETTINGS
from tests.support.mysqlsessions import MysqlBench

QUESTION = schema_question(table.name for table in SETTINGS.tables)
LOOK_TEXT = mark_question()


class Case(SynchronousTestCase):
    def setUp(self):
        self.bench = MysqlBench()
        self.columns = MysqlColumns(SETTINGS, self.bench.seconds)
        self.known = MysqlKnown()

    def learn(self, session=None, known=None):
        session, known = session or self.bench.session, known or self.known
        return Deferred.fromCoroutine(self.columns.learn(session, known))

    def snapshot(self, due=True):
        return self.columns.snapshot(self.bench.session, self.known, due)


class Learning(Case):
    def test_it_is_asked_once_for_all_sessions_of_a_user(self):
        self.assertIsNone(self.snapshot())
        found = self.successResultOf(self.learn())
        self.assertIs(self.snapshot(), found)
        other = self.bench.begin()
        self.assertIs(self.columns.snapshot(other, MysqlKnown(), True), found)
        self.assertEqual(len(self.bench.asked), 1)

    def test_each_user_sees_its_own_tables(self):
        self.successResultOf(self.learn())
        other = self.bench.begin(b"other")
        self.assertIsNone(self.columns.snapshot(other, MysqlKnown(), True))

    def test_an_old_one_is_asked_for_anew_where_that_may_be(self):
        self.successResultOf(self.learn())
        self.bench.time += MAX_AGE
        self.assertIsNone(self.snapshot())
        self.assertIsNotNone(self.snapshot(due=False))
        self.bench.fails = True
        # The known one holds a while.
        self.assertIsNotNone(self.successResultOf(self.learn()))

    def test_it_is_looked_whether_it_is_another(self):
        first = self.successResultOf(self.learn())
        both = [LOOK_TEXT, QUESTION]
        for changes, asked in ((7, both), (7, [LOOK_TEXT]), (8, both)):
            self.bench.time += LOOK
            self.bench.changes = changes
            del self.bench.asked[:]
            self.assertIsNone(self.snapshot())
            self.assertIs(self.successResultOf(self.learn()), first)
            self.assertEqual(self.bench.asked, asked)
            self.assertIs(self.snapshot(), first)

    def test_a_server_without_counts_is_asked(self):
        self.successResultOf(self.learn())
        self.bench.time += LOOK
        self.bench.refuses = (LOOK_TEXT,)
        self.successResultOf(self.learn())
        self.assertEqual(self.bench.asked[1:], [LOOK_TEXT, QUESTION])
        self.assertIsNotNone(self.snapshot())

    def test_a_statement_that_does_not_fit_has_it_looked(self):
        self.successResultOf(self.learn())
        self.assertFalse(self.columns.is_outdated(self.bench.session, self.known))
        self.bench.time += 1
        self.assertTrue(self.columns.is_outdated(self.bench.session, self.known))

    def test_nobody_answers(self):
        self.bench.fails = True
        self.failureResultOf(self.learn(), QuestionError)

    def test_an_answer_that_is_not_understood(self):
        self.bench.schema = self.bench.schema._replace(tables=(), code=())
        self.bench.settings = SETTINGS._replace(tables=[])
        self.failureResultOf(self.learn(), SchemaError)

    def test_the_session_s_database(self):
        self.successResultOf(self.learn())
        self.known.is_moved = True
        self.bench.database = "other"
        self.successResultOf(self.learn())
        self.assertEqual(self.bench.session.database, b"other")
        self.assertEqual(self.bench.asked[1:], [database_question()])
        self.assertFalse(self.known.is_moved)

    def test_what_was_sent_before_is_waited_for(self):
        self.known.open = 1
        self.bench.holds = True
        learning = self.learn()
        self.assertEqual(self.bench.asked, [b"DO 0"])
        self.known.open = 0
        self.bench.holds = False
        self.bench.answer()
        self.successResultOf(learning)

    def test_a_statement_that_is_never_answered(self):
        self.known.open = 1
        self.failureResultOf(self.learn(), QuestionError)


class Changes(Case):
    def test_other_settings(self):
        first = self.successResultOf(self.learn())
        self.columns.use(SETTINGS._replace(tables=SETTINGS.tables[:1]))
        self.assertIsNone(self.snapshot())
        self.bench.settings = self.columns.settings
        second = self.successResultOf(self.learn())
        self.assertIsNot(second.protection, first.protection)

    def test_the_same_settings_have_the_same_plans(self):
        first = self.successResultOf(self.learn())
        self.columns.use(SETTINGS)
        self.assertIsNone(self.snapshot())
        self.assertIs(self.successResultOf(self.learn()), first)

    def watch(self, **what):
        exchange = Exchange(self.bench.session, "query", None, 1)
        exchange.watch = MysqlWatch(self.columns, self.known, **what)
        verifyObject(IWatch, exchange.watch)
        return exchange

    def test_a_statement_that_changes_tables(self):
        self.successResultOf(self.learn())
        exchange = self.watch(renews=True)
        self.assertIsNone(self.snapshot())
        other = self.bench.begin()
        self.assertIsNone(self.columns.snapshot(other, MysqlKnown(), True))
        exchange.close("ok")
        self.assertEqual(self.known.open, 0)
        self.assertIsNone(self.snapshot())
        self.successResultOf(self.learn())
        self.assertIsNotNone(self.snapshot())

    def test_a_statement_that_moves_the_session(self):
        self.successResultOf(self.learn())
        exchange = self.watch(moves=DATABASE)
        self.assertIsNone(self.snapshot())
        exchange.close("ok")
        self.assertTrue(self.known.is_moved)
        self.assertIsNotNone(self.snapshot())

    def test_a_session_of_another_role_sees_its_own_tables(self):
        self.successResultOf(self.learn())
        other, known = self.bench.begin(), MysqlKnown()
        self.watch(moves=ROLE).close("ok")
        self.assertIsNone(self.snapshot())
        self.assertIsNotNone(self.columns.snapshot(other, known, True))
        found = self.successResultOf(self.learn())
        self.assertIs(self.snapshot(), found)
        self.assertIsNot(found, self.columns.snapshot(other, known, True))
        self.columns.changed()
        self.assertIsNone(self.snapshot())

    def test_a_session_that_begins_anew_has_the_role_of_its_user(self):
        mine = self.successResultOf(self.learn())
        self.watch(moves=ROLE).close("ok")
        self.successResultOf(self.learn())
        for kind in ("reset_connection", "change_user"):
            exchange = Exchange(self.bench.session, kind, None, 1)
            self.bench.session.outstanding.append((FORWARD, 0, exchange, None))
            # Nobody knows whether the database will do it.
            self.assertIsNone(self.snapshot())
            self.bench.session.outstanding.popleft()
            self.assertIsNotNone(self.snapshot())
        self.bench.session.resets += 1
        self.assertIs(self.snapshot(), mine)

    def test_rights_that_change(self):
        self.successResultOf(self.learn())
        exchange = Exchange(self.bench.session, "query", None, 1)
        self.columns.watch(self.known, exchange, UNTOUCHED, RIGHTS)
        exchange.close("ok")
        self.assertIsNone(self.columns.snapshot(self.bench.begin(), MysqlKnown(), True))

    def test_tables_that_end(self):
        """Their names are asked for anew, in sessions of another role as well."""
        targets = [Target("shop", "fresh")]
        self.bench.has("fresh")

        def is_strange(session, known):
            return self.columns.is_strange(session, known, targets, "shop")

        other, known = self.bench.begin(), MysqlKnown()
        exchange = Exchange(other, "query", None, 1)
        exchange.watch = MysqlWatch(self.columns, known, moves=ROLE)
        exchange.close("ok")
        for session, facts in ((self.bench.session, self.known), (other, known)):
            self.successResultOf(
                Deferred.fromCoroutine(self.columns.learn(session, facts, targets))
            )
            self.assertFalse(is_strange(session, facts))
        self.watch(moves=TABLES).close("error")
        self.assertTrue(is_strange(self.bench.session, self.known))
        self.assertTrue(is_strange(other, known))

    def test_an_error_that_may_tell_of_other_tables(self):
        self.successResultOf(self.learn())
        self.bench.time += 2
        for number, known in (("1062", True), ("1054", False)):
            exchange = self.watch()
            exchange.status_code = number
            exchange.outcome = "error"
            exchange.close("error")
            self.assertIs(self.snapshot() is not None, known)

    def test_what_is_watched(self):
        for plan, moves, watched in (
            (UNTOUCHED, 0, False),
            (UNTOUCHED, DATABASE, True),
            (Plan(renews=True), 0, True),
            (Plan(parts=[b"x"]), 0, True),
        ):
            exchange = Exchange(self.bench.session, "query", None, 1)
            for _ in range(3):
                # Rows of a bulk execution are judged one by one.
                self.columns.watch(self.known, exchange, plan, moves)
            self.assertIs(exchange.watch is not None, watched)
            exchange.close("ok")
            self.assertEqual(self.known.open, 0)
