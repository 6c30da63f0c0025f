"""The watch over statements: what a session knows when they have ended."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.encryption.plan import Prepared, StatementPlan
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IWatch
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.sql.languages import Mode
from acra_twisted.stages.sessionknown import PreparedText
from acra_twisted.stages.statementwatch import NOT_APART, watch
from tests.support.encryptors import ColumnsCase, end
from tests.support.sessions import make_session

MADE = PreparedText(
    b"PREPARE p", Mode(False, True, "utf-8", True), StatementPlan(prepares=Prepared("p"))
)


class NotApart(SynchronousTestCase):
    def test_nothing_is_executed_later(self):
        verifyObject(IWatch, NOT_APART)
        exchange = Exchange(make_session(), "execute", None, 1)
        exchange.watch = NOT_APART
        end(exchange, b"DECLARE CURSOR")
        self.assertFalse(NOT_APART.executed(exchange))


class Watching(ColumnsCase):
    def setUp(self):
        super().setUp()
        self.snapshot = self.successResultOf(self.learn())
        self.other_session, self.other, _ = self.begin()
        self.successResultOf(self.learn(self.other_session, self.other))

    def watched(self, text=b"ALTER TABLE people ADD x int", prepares=()):
        exchange = Exchange(self.session, "query", None, 1)
        watch(self.known, exchange, text, True, prepares)
        verifyObject(IWatch, exchange.watch)
        return exchange

    def is_known(self):
        """Tell whether the other session goes on by what was known before."""
        return self.columns.snapshot(self.other_session, self.other) is self.snapshot

    def test_other_sessions_learn_of_the_end_at_once(self):
        exchange = self.watched()
        self.assertTrue(self.is_known())
        end(exchange, b"ALTER TABLE")
        self.assertFalse(self.is_known())
        self.assertEqual((self.known.open, self.known.is_dirty), (0, False))
        self.assertIsNone(self.session.on_ready)

    def test_a_batch_that_is_not_over_is_a_transaction_and_its_end_counts(self):
        """Another session reads the tables as they were, before the batch has ended."""
        exchange = self.watched()
        exchange.watch.completed(b"ALTER TABLE")
        exchange.close("ok")
        self.assertFalse(self.is_known())
        self.successResultOf(self.learn(self.other_session, self.other))
        self.assertTrue(self.is_known())
        self.session.on_ready()
        self.assertFalse(self.is_known())

    def test_in_a_transaction_it_is_not_over_before_that_is(self):
        self.session.transaction = IN_TRANSACTION
        end(self.watched(), b"ALTER TABLE")
        self.assertTrue(self.known.is_dirty)
        self.successResultOf(self.learn(self.other_session, self.other))
        self.session.transaction = IDLE
        self.session.on_ready()
        self.assertFalse(self.is_known())
        self.assertFalse(self.known.is_dirty)

    def test_a_connection_that_is_lost_may_have_changed_all(self):
        self.watched().close("lost")
        self.assertFalse(self.is_known())

    def test_a_definition_is_executed_where_it_is_bound(self):
        for text in (b"CREATE VIEW v AS SELECT 1", b"/* a */ alter table t rename to u"):
            exchange = Exchange(self.session, "execute", None, 1)
            watch(self.known, exchange, text, False)
            self.assertFalse(exchange.watch.executed(Exchange(self.session, "execute", None, 2)))

    def test_one_that_is_executed_again_is_followed_again(self):
        first = self.watched(b"EXECUTE p")
        end(first)
        later = Exchange(self.session, "execute", None, 2)
        self.assertTrue(first.watch.executed(later))
        later.watch = first.watch
        self.assertEqual(self.known.open, 1)
        end(later, b"ALTER TABLE")
        self.assertEqual(self.known.open, 0)
        self.assertFalse(self.is_known())

    def test_but_not_if_sql_has_prepared_another_statement_since(self):
        first = self.watched(b"EXECUTE p")
        end(first)
        end(self.watched(b"PREPARE p", [MADE]), b"PREPARE")
        self.assertFalse(first.watch.executed(Exchange(self.session, "execute", None, 2)))

    def test_statements_by_sql_are_known_once_they_are_prepared_and_until_all_are_forgotten(self):
        exchange = self.watched(b"PREPARE p", [MADE])
        self.assertEqual(self.known.prepared, {})
        end(exchange, outcome="error")
        self.assertEqual(self.known.prepared, {})
        exchange = self.watched(b"PREPARE p", [MADE])
        exchange.watch.completed(b"PREPARE")
        # Before its batch ends.
        self.assertEqual(list(self.known.prepared), ["p"])
        end(exchange)
        self.assertEqual((list(self.known.prepared), self.known.prepared_changes), (["p"], 1))
        end(self.watched(b"DISCARD ALL"), b"DISCARD ALL")
        self.assertEqual(self.known.prepared, {})
