"""Contexts in messages that carry them, and what clients are told of their traces."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.propagation import CARRIER, NOTHING, Propagation, carried, describe
from acra_twisted.exchange import Exchange
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sessions import make_session

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
PARENT = CONTEXT.traceparent().encode()


class Carried(SynchronousTestCase):
    def test_contexts_and_anything_else(self):
        self.assertEqual(carried(CARRIER + PARENT), CONTEXT)
        self.assertIsNone(carried(b"s"))
        self.assertIsNone(carried(CARRIER + PARENT + b"-x"))
        self.assertIsNone(carried(CARRIER + PARENT[:-1]))
        self.assertIsNone(carried(CARRIER + b"\xff"))


class Told(SynchronousTestCase):
    def setUp(self):
        self.exchange = Exchange(make_session(), "query", None, 1)

    def test_a_hint_where_errors_have_trace_ids(self):
        told = Propagation(lambda exchange: CONTEXT, errors=True)
        self.assertEqual(told.hint(self.exchange), f"trace_id {CONTEXT.trace_id}")
        self.assertEqual((told.hint(None), NOTHING.hint(self.exchange)), ("", ""))

    def test_a_notice_for_those_who_asked(self):
        told = Propagation(lambda exchange: CONTEXT, notices=True)
        self.assertEqual(told.notice(self.exchange), "")
        self.exchange.session.notices = True
        self.assertIn(CONTEXT.trace_id, told.notice(self.exchange))

    def test_where_the_time_went(self):
        self.exchange.sent, self.exchange.first_byte = 1_000_001, 3_000_001
        self.assertEqual(
            describe(self.exchange, "t", 4_000_001),
            "acra: trace_id t, total 4.000 ms, proxy before the database 1.000 ms, "
            "database to first byte 2.000 ms, database and rows 3.000 ms",
        )
