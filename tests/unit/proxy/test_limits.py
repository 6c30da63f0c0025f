"""Every state of a session has its limit, and work that goes on has none."""

import socket
from types import SimpleNamespace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.dialects.postgresql.farewells import encode_farewell
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.interfaces import IResultStage, IStatementStage
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits, has_left
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.verdicts import PASS
from acra_twisted.wire.postgres.frames import message
from tests.support.sessions import (
    SYNC,
    TERMINATE,
    FakeChannel,
    bind,
    columns,
    complete,
    execute,
    make_session,
    parse,
    query,
    ready,
    row,
)

COPY_IN = message(b"G", b"\0\0\0")
REPLY = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()


@implementer(IStatementStage, IResultStage)
class Slow:
    """Answers when it is told to."""

    name = "slow"

    def __init__(self):
        self.verdicts = []

    def on_statement(self, statement, exchange):
        return self._later() if b"slow" in statement.text else PASS

    def plan_result(self, columns):
        return SimpleNamespace(
            columns=None, concerns=None, transform=lambda batch, exchange: self._later()
        )

    def _later(self):
        verdict = Deferred()
        self.verdicts.append(verdict)
        return verdict

    def stop(self):
        pass


class Looked(SynchronousTestCase):
    def setUp(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.far = socket.create_connection(listener.getsockname())
        self.near = listener.accept()[0]
        listener.close()
        self.addCleanup(self.near.close)
        self.addCleanup(self.far.close)

    def begin(self, stages=(), pending=100, **limits):
        self.session = make_session()
        self.client, self.database = FakeChannel(), FakeChannel()
        self.client.transport.getHandle = lambda: self.near
        self.now, self.ends = 0.0, []
        pipeline = Pipeline(list(stages))
        self.relay = Relay(
            self.session,
            self.client,
            self.database,
            (
                RequestFlow(self.session, pipeline.inspects),
                ResponseFlow(self.session, pipeline.results),
            ),
            pipeline,
            Limits(pending, **limits),
            fatal=lambda reason, text, number: encode_farewell(reason, text),
            seconds=lambda: self.now,
            later=lambda seconds, function: None,
            ended=self.ends.append,
            valves=between(self.client, self.database, lambda: self.now),
        )

    def look(self, seconds):
        """Look twice a second for so long."""
        until = self.now + seconds
        while self.now < until:
            self.now += 0.5
            self.relay.check(self.now)
        return self.ends

    def assert_ends(self, reason, told=b""):
        self.assertEqual(self.look(10), [])
        self.assertEqual(self.look(2), [reason])
        self.assertIn(told, self.client.data)
        self.look(20)
        self.assertLessEqual(len(self.session.observer.events), 1)


class States(Looked):
    def test_idle(self):
        self.begin(idle=10)
        self.assert_ends("idle timeout", b"C57P05")

    def test_who_says_something_between_two_looks_is_not_idle(self):
        self.begin(idle=10)
        for _ in range(10):
            self.relay.from_client(query(b"a"))
            self.relay.from_database(REPLY)
            self.assertEqual(self.look(5), [])

    def test_silent_in_a_transaction(self):
        self.begin(silent=10, idle=1)
        self.relay.from_client(query(b"BEGIN"))
        self.relay.from_database(complete(b"BEGIN") + ready(b"T"))
        self.assert_ends("transaction idle timeout", b"C25P03")

    def test_silent_while_it_copies_in(self):
        self.begin(silent=10, idle=1, reply=1)
        self.relay.from_client(query(b"COPY t FROM STDIN"))
        self.relay.from_database(COPY_IN)
        for _ in range(5):
            self.relay.from_client(message(b"d", b"1\n"))
            self.assertEqual(self.look(5), [])
        self.relay.from_client(message(b"d", b"1\n"))
        self.assert_ends("transaction idle timeout", b"C25P03")

    def test_a_message_that_does_not_end(self):
        self.begin(message=10)
        self.relay.from_client(query(b"abc")[:6])
        self.look(4)
        self.relay.from_client(query(b"abc")[6:7])
        self.assertEqual(self.look(5), [])
        self.assertEqual(self.look(2), ["message timeout"])

    def test_copy_data_that_does_not_end(self):
        self.begin(message=10)
        self.relay.from_client(message(b"d", b"x" * 1000)[:100])
        for _ in range(4):
            self.look(3)
            self.relay.from_client(b"x")
        self.assertEqual(self.ends, ["message timeout"])

    def test_messages_that_end_with_others_begun_behind_them(self):
        """Every look finds part of a message, and never of the same one."""
        for kind in (b"d", b"P"):
            self.begin(message=10)
            each = message(kind, b"\0" + b"x" * 50 + b"\0\0\0")
            self.relay.from_client(each[:20])
            for _ in range(40):
                self.assertEqual(self.look(1), [])
                self.relay.from_client(each[20:] + each[:20])

    def test_a_stage_that_does_not_answer(self):
        slow = Slow()
        self.begin([slow], stage=10, idle=1, silent=1, reply=1)
        self.relay.from_client(query(b"slow"))
        self.look(9)
        slow.verdicts[0].callback(PASS)
        self.relay.from_database(REPLY[:10])
        self.begin([slow], stage=10, idle=1, silent=1, reply=1)
        self.relay.from_client(query(b"slow"))
        self.assert_ends("stage timeout", b"C58000")
        self.assertEqual(self.session.observer.events[0][0], events.STAGE_FAILED)
        slow.verdicts[1].callback(PASS)
        self.assertEqual(self.database.data, b"")

    def test_a_result_stage_that_does_not_answer(self):
        self.begin([Slow()], stage=10, reply=1)
        self.relay.from_client(query(b"a"))
        self.relay.from_database(REPLY)
        self.assert_ends("stage timeout", b"C58000")

    def test_each_wait_for_a_stage_has_its_own_time(self):
        slow = Slow()
        self.begin([slow], stage=10)
        for _ in range(5):
            self.relay.from_client(query(b"slow"))
            self.assertEqual(self.look(6), [])
            slow.verdicts[-1].callback(PASS)

    def test_a_database_that_does_not_answer(self):
        for said in (query(b"a"), parse(b"", b"a") + bind(b"", b"") + execute() + SYNC):
            self.begin(reply=10, idle=1, silent=1)
            self.relay.from_client(said)
            self.assert_ends("reply timeout", b"C57014")

    def test_one_that_says_something_now_and_then(self):
        self.begin(reply=10)
        self.relay.from_client(query(b"a"))
        self.relay.from_database(columns(b"a"))
        for _ in range(5):
            self.assertEqual(self.look(8), [])
            self.relay.from_database(row(b"1"))

    def test_what_was_asked_before_terminate_has_the_same_limit(self):
        self.begin(reply=10, silent=1)
        self.relay.from_client(query(b"a") + TERMINATE)
        self.assert_ends("reply timeout")

    def test_a_peer_that_does_not_read(self):
        for channel in ("client", "database"):
            self.begin(write=10)
            getattr(self, channel).transport.producer.pauseProducing()
            self.assert_ends("write timeout")
            self.assertEqual(self.client.state, "aborted")
            self.assertEqual(self.session.observer.events[0][0], events.NETWORK_WRITE)

    def test_no_limit_is_none(self):
        self.begin()
        self.relay.from_client(query(b"a") + query(b"abc")[:6])
        self.assertEqual(self.look(100), [])


class Gone(Looked):
    """A client that is not read, and goes."""

    def test_what_tells(self):
        self.assertFalse(has_left(self.client_transport()))
        self.far.send(b"unread")
        self.assertFalse(has_left(self.client_transport()))
        self.far.shutdown(socket.SHUT_WR)
        self.assertTrue(has_left(self.client_transport()))

    def test_a_reset(self):
        self.near.send(b"unread")
        self.far.close()
        self.assertTrue(has_left(self.client_transport()))

    def client_transport(self):
        return SimpleNamespace(getHandle=lambda: self.near)

    def test_with_too_much_outstanding(self):
        self.begin(pending=1)
        self.relay.from_client(query(b"a") * 3)
        self.assertEqual(self.look(5), [])
        self.far.close()
        self.assertEqual(self.look(2), ["client disconnected"])
        self.assertEqual((self.client.state, self.database.state), ("aborted", "aborted"))

    def test_while_replies_come_what_it_has_sent_may_be_read(self):
        self.begin(pending=1)
        self.relay.from_client(query(b"a") * 5)
        self.far.close()
        for _ in range(3):
            self.look(0.5)
            self.relay.from_database(REPLY)
        self.assertEqual(self.ends, [])

    def test_while_a_stage_waits(self):
        self.begin([Slow()])
        self.relay.from_client(query(b"slow"))
        self.far.close()
        self.assertEqual(self.look(2), ["client disconnected"])

    def test_one_that_is_read_is_not_asked(self):
        self.begin(pending=1)
        self.relay.from_client(query(b"a"))
        self.far.close()
        self.assertEqual(self.look(5), [])
