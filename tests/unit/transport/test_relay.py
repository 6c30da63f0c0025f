"""Both directions and every end of a session."""

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.replies import STARTUP
from acra_twisted.dialects.postgresql.wholereplies import WholeReplies
from acra_twisted.dialects.postgresql.wholerequests import WholeRequests
from acra_twisted.model import Exchange
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.transport.relay import Limits, Relay
from acra_twisted.transport.valve import OUTSTANDING
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message
from tests.support.sessions import (
    TERMINATE,
    FakeChannel,
    columns,
    complete,
    make_session,
    query,
    ready,
    row,
    types,
)

REPLY = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()


class Relays(SynchronousTestCase):
    def setUp(self):
        self.session = make_session()
        self.client, self.database = FakeChannel(), FakeChannel()
        self.now = 0.0
        self.ends = []
        self.relay = self.make(Limits(2, 10, 5, 5))

    def make(self, limits):
        return Relay(
            self.session,
            self.client,
            self.database,
            (WholeRequests(self.session), WholeReplies(self.session)),
            Pipeline(),
            limits,
            fatal=lambda sqlstate, text: backend.encode_error(b"FATAL", sqlstate, text),
            seconds=lambda: self.now,
            ended=self.ends.append,
        )

    def test_one_write_a_turn(self):
        self.relay.from_client(query(b"a") + query(b"b"))
        self.assertEqual(self.database.writes, [query(b"a") + query(b"b")])
        self.relay.from_database(REPLY)
        self.assertEqual(self.client.writes, [REPLY])

    def test_too_much_outstanding_stops_reading(self):
        self.relay.from_client(query(b"a") * 3)
        self.assertEqual(self.relay.client_valve.reasons, {OUTSTANDING})
        self.relay.from_database(REPLY)
        self.assertEqual(self.client.transport.paused, 0)

    def test_back_pressure_both_ways(self):
        self.client.transport.producer.pauseProducing()
        self.assertEqual(self.database.transport.paused, 1)
        self.database.transport.producer.pauseProducing()
        self.assertEqual(self.client.transport.paused, 1)

    def assert_ended(self, reason):
        self.assertEqual(self.ends, [reason])
        self.assertEqual((self.client.state, self.database.state), ("closed", "closed"))
        self.assertFalse(self.session.outstanding)
        self.relay.finish("again")
        self.assertEqual(len(self.ends), 1)

    def test_terminate(self):
        self.relay.from_client(TERMINATE)
        self.assertEqual(self.database.data, TERMINATE)
        self.assert_ended("client terminated")

    def test_what_was_asked_before_terminate_is_answered(self):
        self.relay.from_client(query(b"a") + query(b"b") + TERMINATE)
        self.assertEqual(self.database.writes, [query(b"a") + query(b"b") + TERMINATE])
        self.assertEqual(self.ends, [])
        self.relay.from_database(REPLY)
        self.assertEqual(self.ends, [])
        self.relay.from_database(REPLY)
        self.assertEqual(self.client.data, REPLY * 2)
        self.assert_ended("client terminated")

    def test_terminate_inside_a_transaction(self):
        self.relay.from_client(query(b"BEGIN") + TERMINATE)
        self.relay.from_database(complete(b"BEGIN") + ready(b"T"))
        self.assertEqual(types(self.client.data), "CZ")
        self.assert_ended("client terminated")

    def test_terminate_while_the_database_gets_ready(self):
        self.session = make_session(ready=False)
        self.session.outstanding.append((STARTUP, Exchange(self.session, "startup", None, 0), None))
        self.relay = self.make(Limits(2, 10, 5, 5))
        self.relay.from_client(TERMINATE)
        self.assertEqual(self.database.data, TERMINATE)
        self.relay.from_database(message(b"R", bytes(4)))
        self.assertEqual(self.ends, [])
        self.relay.from_database(ready())
        self.assertEqual(types(self.client.data), "RZ")
        self.assert_ended("client terminated")

    def test_nothing_is_taken_after_terminate(self):
        self.relay.from_client(query(b"a") + TERMINATE)
        self.relay.from_client(query(b"b"))
        self.assertEqual(self.database.data, query(b"a") + TERMINATE)

    def test_peers_lost_after_terminate(self):
        for lost in ("client_lost", "database_lost"):
            with self.subTest(lost=lost):
                self.setUp()
                self.relay.from_client(query(b"a") + TERMINATE)
                getattr(self.relay, lost)(Failure(ConnectionDone()))
                self.assert_ended("client terminated")

    def test_lost_peers(self):
        self.relay.from_client(query(b"a"))
        self.relay.client_lost(Failure(ConnectionLost()))
        self.assert_ended("client connection lost")
        self.assertEqual(self.session.observer.outcomes, [("query", "lost")])

    def test_the_database_ends_after_what_it_said(self):
        fatal = backend.encode_error(b"FATAL", b"57P01", "going down")
        self.relay.from_database(fatal)
        self.relay.database_lost(Failure(ConnectionDone()))
        self.assertEqual(self.client.data, fatal)
        self.assert_ended("database disconnected")

    def test_odd_failures_are_named_by_type(self):
        self.relay.database_lost(Failure(ValueError("secret")))
        self.assert_ended("database connection failed: ValueError")

    def test_a_client_that_breaks_the_protocol_is_told(self):
        self.relay.from_client(b"\0\0\0\0\4")
        self.assertIn(b"C08P01", self.client.data)
        self.assert_ended("protocol error")
        self.assertEqual(self.session.observer.events[0][0], 1203)

    def test_a_database_that_breaks_it_is_not_quoted(self):
        self.relay.from_database(message(b"!", b"secret"))
        self.assertIn(b"the database broke its protocol", self.client.data)
        self.assert_ended("protocol error")

    def test_no_error_inside_a_message(self):
        self.relay.from_client(query(b"a"))
        data = columns(b"a") + row(b"x" * 50)[:20]
        self.relay.from_database(data)
        self.relay.from_client(b"\0\0\0\0\4")
        self.assertEqual(self.client.data, data)

    def test_an_internal_error_ends_the_session(self):
        self.session.span = type("Span", (), {"trace_id": "t", "span_id": "s"})
        self.session.observer.exchange_opened = None
        self.relay.from_client(query(b"a"))
        self.assertIn(b"CXX000", self.client.data)
        self.assert_ended("internal error")
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_drain_waits_for_what_is_outstanding(self):
        self.relay.from_client(query(b"a"))
        self.relay.drain()
        self.assertEqual(self.ends, [])
        self.relay.from_database(REPLY)
        self.assertEqual(types(self.client.data), "TDCZE")
        self.assertIn(b"C57P01", self.client.data)
        self.assert_ended("shutdown")

    def test_drain_ends_an_idle_session_at_once(self):
        self.relay.drain()
        self.assert_ended("shutdown")

    def test_idle_timeout(self):
        self.now = 11.0
        self.relay.check(self.now)
        self.assertIn(b"C57P05", self.client.data)
        self.assert_ended("idle timeout")

    def test_message_timeout(self):
        self.relay.from_client(query(b"abc")[:6])
        self.relay.check(1.0)
        self.relay.check(6.0)
        self.assertEqual(self.ends, [])
        self.relay.check(6.1)
        self.assert_ended("message timeout")

    def test_write_timeout(self):
        self.database.transport.producer.pauseProducing()
        self.relay.check(5.1)
        self.assertEqual(self.ends, ["write timeout"])
        self.assertEqual((self.client.state, self.database.state), ("aborted", "aborted"))
        self.relay.abort("again")
        self.assertEqual(len(self.ends), 1)
