"""Exchanges: what they keep, how they end, and how their replies leave the queue."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import (
    STATEMENT,
    Exchange,
    Notice,
    Statement,
    ToldType,
    lose_replies,
    take_reply,
)
from acra_twisted.outstanding import FORWARD
from acra_twisted.verdicts import PASS, Deny
from tests.support.sessions import make_session


class Exchanges(SynchronousTestCase):
    def setUp(self):
        self.session = make_session()
        self.exchange = Exchange(self.session, "query", None, 1)

    def owe(self, *exchanges):
        self.session.outstanding.extend([(FORWARD, 0, one, None) for one in exchanges])

    def test_attributes_are_bounded(self):
        for number in range(40):
            self.exchange.add_attribute(f"k{number}", number)
        self.assertEqual(len(self.exchange.attributes), 32)

    def test_the_client_is_told_if_it_wants_that_and_of_some_things_once(self):
        once, other = Notice("x", once=True), Notice("y", 2)
        self.exchange.tell(other)
        self.assertIsNone(self.exchange.told)
        self.session.told = {"x"}
        self.exchange.tell(once)
        self.assertIsNone(self.exchange.told)
        self.session.told = set()
        self.exchange.tell(once)
        self.exchange.tell(other)
        self.assertEqual(self.exchange.told, [once, other])

    def test_a_refusal_for_a_protected_column_is_shown_on_the_span(self):
        self.exchange.refuse(Deny("no", rule="r"), "42000")
        self.assertIsNone(self.exchange.attributes)
        self.exchange.refuse(Deny("no", rule="unsure", column=""), "0A000")
        self.assertEqual(self.exchange.attributes, {"acra.refused_reason": "unsure"})
        self.exchange.refuse(Deny(rule="order", column="people.name").of_stage("s"), "0A000")
        expected = {"acra.refused_reason": "order", "acra.refused_column": "people.name"}
        self.assertEqual(self.exchange.attributes, expected)

    def test_work_of_stages_is_noted_where_somebody_wants_to_know(self):
        session = make_session()
        exchange = Exchange(session, "query", None, 1)
        self.assertEqual(exchange.begin_run(), 0)
        for wanted in ("timed", "span"):
            session.timed = wanted == "timed"
            exchange.span = None if session.timed else object()
            started = exchange.begin_run()
            exchange.end_run(wanted, PASS, started)
            run = exchange.stage_runs[-1]
            self.assertEqual((run.stage, run.kind, run.verdict), (wanted, STATEMENT, PASS))
            self.assertEqual((run.started, run.ended), (started, started + 1))
        self.assertEqual(len(exchange.stage_runs), 2)

    def test_it_ends_once_and_a_worse_outcome_holds(self):
        self.exchange.close("ok")
        self.exchange.close("error")
        other = Exchange(self.session, "query", None, 1)
        other.outcome = "denied"
        other.close("ok", 77)
        self.assertEqual(self.session.observer.outcomes, [("query", "ok"), ("query", "denied")])
        self.assertEqual(other.closed, 77)

    def test_it_ends_with_the_last_of_its_replies(self):
        other = Exchange(self.session, "execute", None, 1)
        self.owe(self.exchange, self.exchange, None, other)
        ended = []
        while self.session.outstanding:
            take_reply(self.session)
            ended.append(len(self.session.observer.closed))
        self.assertEqual(ended, [0, 1, 1, 2])
        self.assertEqual(self.session.observer.closed, [self.exchange, other])

    def test_what_is_owed_when_the_connection_ends_is_lost(self):
        self.owe(self.exchange, self.exchange, None)
        lose_replies(self.session)
        self.assertFalse(self.session.outstanding)
        self.assertEqual(self.session.observer.outcomes, [("query", "lost")])


class Becoming(SynchronousTestCase):
    """A statement goes on as the one that a stage has put in its place."""

    def test_it_takes_what_the_other_says_and_keeps_the_rest(self):
        statement = Statement(b"one", b"name")
        statement.types, statement.told = [17], [ToldType(1)]
        statement.shown = "one"
        other = Statement(b"two")
        statement.become(other)
        self.assertEqual((statement.text, statement.shown), (b"two", None))
        self.assertEqual((statement.types, statement.told), ([17], [ToldType(1)]))
        self.assertEqual((statement.meanings, statement.plan), (None, None))
        other.types, other.told, other.meanings, other.plan = [], [], ["meaning"], "plan"
        statement.become(other)
        self.assertEqual((statement.types, statement.told), ([], []))
        self.assertEqual((statement.meanings, statement.plan), (["meaning"], "plan"))
        self.assertEqual(statement.prepared_name, b"name")
