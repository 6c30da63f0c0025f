"""Both directions and every end of a session."""

import errno
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted import events
from acra_twisted.dialects.postgresql.farewells import encode_farewell
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.exchange import Copies
from acra_twisted.interfaces import ILoadStage, IResultStage, IStatementStage
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import LOADING, OUTSTANDING, between
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message
from tests.support.line import Line, Timer, programs, said, texts
from tests.support.reference_server import ReferenceServer
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    TERMINATE,
    FakeChannel,
    bind,
    columns,
    complete,
    error,
    execute,
    make_session,
    messages,
    parse,
    query,
    ready,
    row,
    types,
)

LIMITS = st.integers(1, 5) | st.just(10_000)
SIZES = st.integers(1, 60) | st.integers(60, 200) | st.just(10_000)
REPLY = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()


class Taken:
    """Lets rows pass."""

    name = "taken"

    def __init__(self, exchange):
        pass

    def feed(self, data, exchange):
        return PASS

    finish = feed


class OneRelay(SynchronousTestCase):
    limits = Limits(2, idle=10, message=5, write=5)

    def setUp(self):
        self.session = make_session()
        self.client, self.database = FakeChannel(), FakeChannel()
        self.now = 0.0
        self.ends = []
        self.timers = []
        self.relay = self.make(self.limits)

    def make(self, limits, pipeline=None):
        pipeline = pipeline or Pipeline()
        return Relay(
            self.session,
            self.client,
            self.database,
            (
                RequestFlow(self.session, pipeline.inspects, pipeline.loads),
                ResponseFlow(self.session, pipeline.results),
            ),
            pipeline,
            limits,
            fatal=lambda reason, text, number: encode_farewell(reason, text),
            seconds=lambda: self.now,
            later=lambda seconds, function: Timer(self.timers, function),
            ended=self.ends.append,
            valves=between(self.client, self.database, lambda: self.now),
        )


class Relays(OneRelay):
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

    def test_rows_that_the_database_has_not_asked_for_wait(self):
        """The client is not read meanwhile."""
        copies = message(b"d", b"1\n") + message(b"c", b"")
        for answer, sent in (
            (message(b"G", b"\0\0\1\0\0"), copies),
            (error(b"42501") + ready(), copies[-5:]),
        ):
            self.setUp()
            self.relay.from_client(query(b"COPY t FROM STDIN"))
            statement = self.session.outstanding[0][2].statement
            statement.copies = Copies(Taken)
            self.relay.from_client(copies)
            self.assertEqual(self.relay.client_valve.reasons, {LOADING})
            self.assertEqual(len(self.database.writes), 1)
            self.relay.from_database(answer)
            self.assertEqual(self.relay.client_valve.reasons, frozenset())
            self.assertEqual(self.database.writes[1:], [sent])

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

    def test_nothing_is_taken_after_terminate(self):
        self.relay.from_client(query(b"a") + TERMINATE)
        self.relay.from_client(query(b"b"))
        self.assertEqual(self.database.data, query(b"a") + TERMINATE)

    def test_nor_what_came_with_it(self):
        self.relay.from_client(query(b"a") + TERMINATE + query(b"b") + message(b"c", b"") + b"Q")
        self.assertEqual(self.database.data, query(b"a") + TERMINATE)
        self.assertEqual(len(self.session.observer.opened), 1)

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

    def test_requests_that_have_not_left_are_lost(self):
        """They are kept back by their batch, by a verdict, or by an error."""
        batch = parse(b"", b"a") + bind(b"", b"") + execute()
        for hook, sent, kind, outcome in (
            (lambda item, exchange: PASS, batch, "execute", "lost"),
            (lambda item, exchange: PASS, parse(b"", b"a"), "prepare", "lost"),
            (lambda item, exchange: Deferred(), query(b"a"), "query", "lost"),
            (lambda item, exchange: Deferred(), batch, "prepare", "lost"),
            (lambda item, exchange: succeed(Hangup("poison")), query(b"a"), "query", "denied"),
            (lambda item, exchange: Hangup("poison"), query(b"a"), "query", "denied"),
            (lambda item, exchange: Hangup("poison"), batch, "prepare", "denied"),
            (lambda item, exchange: Replace(None), query(b"a"), "query", "lost"),
        ):
            with self.subTest(sent=sent, outcome=outcome):
                self.session = make_session()
                self.session.span = type("Span", (), {"trace_id": "t", "span_id": "s"})
                self.relay = self.make(self.limits, Pipeline([Judging(hook)]))
                self.relay.from_client(sent)
                self.relay.client_lost(Failure(ConnectionLost()))
                self.assertEqual(self.session.observer.outcomes, [(kind, outcome)])
        self.assertEqual(len(self.flushLoggedErrors(AttributeError, TypeError)), 1)

    def test_rows_that_nobody_has_asked_for_are_of_no_request(self):
        self.relay = self.make(self.limits, Pipeline([NeverDone()]))
        self.relay.from_client(message(b"d", b"1\n"))
        self.assertTrue(self.relay.client_valve.reasons)
        self.relay.client_lost(Failure(ConnectionLost()))
        self.assertEqual(self.session.observer.outcomes, [])

    def test_a_verdict_that_cannot_be_carried_out_in_another_turn(self):
        waiting = Deferred()
        self.relay = self.make(self.limits, Pipeline([Judging(lambda item, exchange: waiting)]))
        self.session.span = type("Span", (), {"trace_id": "t", "span_id": "s"})
        self.relay.from_client(query(b"a"))
        waiting.callback(Replace(None))
        self.assert_ended("internal error")
        self.assertEqual(self.session.observer.outcomes, [("query", "lost")])
        self.assertEqual(len(self.flushLoggedErrors(AttributeError, TypeError)), 1)

    def test_the_database_ends_after_what_it_said(self):
        fatal = backend.encode_error(b"FATAL", b"57P01", "going down")
        self.relay.from_database(fatal)
        self.relay.database_lost(Failure(ConnectionDone()))
        self.assertEqual(self.client.data, fatal)
        self.assert_ended("database disconnected")

    def test_who_gets_what_is_read(self):
        self.relay.begin()
        self.client.receiver(query(b"a"))
        self.assertEqual(self.database.data, query(b"a"))
        self.database.receiver(REPLY)
        self.assertEqual(self.client.data, REPLY)

    def test_what_passes_is_counted(self):
        self.session = make_session()
        self.relay = self.make(Limits(1), Pipeline([Refusing()]))
        to_database = query(b"begin") + query(b"b") + query(b"c")
        self.relay.from_client(to_database)
        answers = complete(b"BEGIN") + ready(b"T"), REPLY[:-1] + b"T", RefusedResults.SECRET
        for answer in (*answers, ready(b"T"), error() + ready(b"E")):
            self.relay.from_database(answer)
        self.relay.from_client(parse(b"", b"a") + FLUSH + parse(b"", b"b") + FLUSH)
        traffic = self.session.traffic
        self.assertEqual(traffic.from_client, len(to_database) + 2 * len(parse(b"", b"a") + FLUSH))
        self.assertEqual(
            traffic.from_database,
            sum(map(len, answers)) + len(ready(b"T")) + len(error() + ready(b"E")),
        )
        self.assertEqual(traffic.to_client, len(self.client.data))
        self.assertEqual(traffic.to_database, len(self.database.data))
        # A Query that must fail, and a Flush of ours.
        self.assertGreater(traffic.to_database, traffic.from_client)

    def test_a_stage_may_end_the_session(self):
        self.relay = self.make(self.limits, Pipeline([Ending()]))
        self.relay.from_client(query(b"a"))
        self.relay.from_database(REPLY)
        [(kind, body)] = messages(self.client.data)[-1:]
        self.assertEqual(kind, "E")
        self.assertIn(b"C42000\0Mthe session was ended\0", body)
        self.assert_ended("stage: poison")

    def test_events_of_what_breaks_the_protocol(self):
        told = []
        broken = message(b"!", b"")
        for side, sent, expected in (
            ("client", broken, (events.UNEXPECTED_PACKET, "client: ", {})),
            ("database", broken, (events.DATABASE_PROTOCOL, "database: ", {})),
        ):
            self.setUp()
            self.session.observer.security_event = lambda *args, **more: told.append((args, more))
            getattr(self.relay, f"from_{side}")(sent)
            [((code, text, session, exchange), more)] = told
            self.assertEqual((code, text[: len(expected[1])], more), expected)
            self.assertEqual((session, exchange), (self.session, None))
            told.clear()

    def test_the_event_of_a_limit(self):
        told = []
        self.session.observer.security_event = lambda *args, **more: told.append((args, more))
        self.now = 100.0
        self.database.transport.producer.pauseProducing()
        self.relay.check(104.0)
        self.assertEqual((told, self.ends), ([], []))
        self.relay.check(105.1)
        [((code, text, session, exchange), more)] = told
        self.assertEqual((code, text), (events.NETWORK_WRITE, "The database does not read"))
        self.assertEqual((session, exchange), (self.session, None))
        self.assertEqual(more, {"action": events.ENDED, "outcome": events.FAILURE})

    def test_odd_failures_are_named_and_not_quoted(self):
        self.relay.database_lost(Failure(ValueError("secret")))
        self.assert_ended("database: an error inside this program")

    def test_why_a_connection_is_lost_is_said(self):
        lost = ConnectionLost()
        lost.osError = errno.ETIMEDOUT
        said = []
        for why in (lost, ConnectionResetError(errno.ECONNRESET, "reset"), ValueError()):
            self.setUp()
            self.relay.database_lost(Failure(why))
            said += self.ends
        self.assertEqual(len(set(said)), 3, said)
        self.assertTrue(all(one.startswith("database: ") for one in said), said)

    def test_a_client_that_breaks_the_protocol_is_told(self):
        self.relay.from_client(b"\0\0\0\0\4")
        self.assertIn(b"C08P01", self.client.data)
        self.assert_ended("protocol error")
        self.assertEqual(self.session.observer.events[0][0], 1203)

    def test_a_database_that_breaks_it_is_not_quoted(self):
        self.relay.from_database(message(b"!", b"secret"))
        self.assertIn(b"the database broke its protocol", self.client.data)
        self.assert_ended("protocol error")

    def test_a_message_of_the_database_that_is_too_large_is_named_with_the_remedy(self):
        self.relay.from_client(query(b"a"))
        self.relay.from_database(columns(b"a") + b"D" + (65 << 20).to_bytes(4, "big") + b"\0\1")
        self.assertEqual(types(self.client.data), "TE")
        for words in (b"C54000", b"68157440", b"67108864", b"message_size_limit"):
            self.assertIn(words, self.client.data)
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
        self.assertIn(b"CXX000\0Minternal error in the proxy\0", self.client.data)
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

    def test_drain_waits_for_the_end_of_a_transaction(self):
        self.relay.from_client(query(b"begin"))
        self.relay.from_database(complete(b"BEGIN") + ready(b"T"))
        self.relay.drain()
        self.assertEqual(self.ends, [])
        for text, status in ((b"insert", b"T"), (b"bad", b"E"), (b"rollback to a", b"T")):
            self.relay.from_client(query(text))
            self.relay.from_database(complete(b"DONE") + ready(status))
            self.assertEqual((self.ends, types(self.client.data)[-1]), ([], "Z"), text)
        self.relay.from_client(query(b"commit"))
        self.relay.from_database(complete(b"COMMIT") + ready())
        self.assertEqual(types(self.client.data)[-3:], "CZE")
        self.assert_ended("shutdown")

    def test_drain_ends_an_idle_session_at_once(self):
        self.relay.drain()
        self.assertIn(b"C57P01", self.client.data)
        self.assert_ended("shutdown")

    def test_write_timeout(self):
        self.database.transport.producer.pauseProducing()
        self.relay.check(5.1)
        self.assertEqual(self.ends, ["write timeout"])
        self.assertEqual((self.client.state, self.database.state), ("aborted", "aborted"))
        self.relay.abort("again")
        self.assertEqual(len(self.ends), 1)


@implementer(IResultStage)
class Refusing:
    """Refuses what has a secret in it."""

    name = "refusing"

    def plan_result(self, columns):
        return SimpleNamespace(
            columns=None,
            concerns=None,
            transform=lambda batch, exchange: Deny() if b"secret" in bytes(batch.data) else PASS,
        )

    def stop(self):
        pass


@implementer(IResultStage)
class Ending:
    """Ends the session of everybody who reads anything."""

    name = "ending"
    concerns = columns = None

    def plan_result(self, columns):
        return self

    def transform(self, batch, exchange):
        return Hangup("poison")


@implementer(IStatementStage)
class Judging:
    """Judges statements by a function."""

    name = "judging"

    def __init__(self, judge):
        self.on_statement = judge


@implementer(ILoadStage)
class NeverDone:
    """Judges rows that are loaded, and never comes to an end."""

    name = "waiting"
    columns = None

    def plan_load(self, columns):
        return self

    @staticmethod
    def concerns(data, start, end):
        return True

    def transform(self, batch, exchange):
        return Deferred()


class RefusedResults(OneRelay):
    """The database has done it already, and takes it for done."""

    SECRET = columns(b"a") + row(b"secret") + row(b"more") + complete(b"INSERT 0 2")
    BATCH = parse(b"", b"insert") + bind(b"", b"") + execute()
    BATCH_SECRET = PARSE_COMPLETE + BIND_COMPLETE + row(b"secret") + complete(b"INSERT 0 1")
    FAILS = query(b"acra: statement denied")

    def setUp(self):
        super().setUp()
        self.relay = self.make(Limits(100), Pipeline([Refusing()]))
        self.relay.from_client(query(b"begin"))
        self.relay.from_database(complete(b"BEGIN") + ready(b"T"))
        self.forget()

    def forget(self):
        self.client.writes.clear()
        self.database.writes.clear()

    def statuses(self):
        return b"".join(body for kind, body in messages(self.client.data) if kind == "Z")

    def test_ds2_a_refused_result_fails_the_transaction(self):
        for asked, answer, told in (
            (query(b"insert"), self.SECRET, "TE"),
            (self.BATCH + SYNC, self.BATCH_SECRET, "12E"),
        ):
            self.setUp()
            self.relay.from_client(asked)
            self.relay.from_database(answer + ready(b"T"))
            self.assertEqual(types(self.client.data), told)
            self.assertEqual(self.database.writes, [asked, self.FAILS])
            self.relay.from_database(error(b"42601", "syntax error") + ready(b"E"))
            self.assertEqual((types(self.client.data), self.statuses()), (told + "Z", b"E"))
            self.assertNotIn(b"syntax", self.client.data)
            self.assertFalse(self.session.outstanding)
            self.forget()
            self.relay.from_client(query(b"rollback"))
            self.relay.from_database(complete(b"ROLLBACK") + ready())
            self.assertEqual((types(self.client.data), self.statuses()), ("CZ", b"I"))

    def test_in_one_that_has_failed_or_ended_nothing_is_sent(self):
        for status in (b"I", b"E"):
            self.forget()
            self.relay.from_client(query(b"insert"))
            self.relay.from_database(self.SECRET + ready(status))
            self.assertEqual((types(self.client.data), self.statuses()), ("TEZ", status))
            self.assertEqual(self.database.writes, [query(b"insert")])

    def test_a_batch_without_its_sync_fails_before_it(self):
        self.relay.from_client(self.BATCH + FLUSH)
        self.relay.from_database(self.BATCH_SECRET)
        self.relay.from_client(self.BATCH + SYNC)
        self.assertEqual(types(self.database.data), "PBEHPS")
        self.relay.from_database(error(b"42601", "syntax error") + ready(b"E"))
        self.assertEqual((types(self.client.data), self.statuses()), ("12EZ", b"E"))
        self.assertFalse(self.session.outstanding)

    def test_nothing_is_put_into_a_message_that_has_left_in_part(self):
        """So the database cannot be made to fail, and the session ends."""
        self.relay.from_client(query(b"insert") + message(b"d", b"x" * 100)[:50])
        self.relay.from_database(self.SECRET + ready(b"T"))
        self.assertNotIn(self.FAILS, self.database.data)
        self.assertEqual(types(self.client.data), "TEE")
        self.assertIn(b"C40000", self.client.data)
        self.assertEqual(len(self.ends), 1)

    def test_a_transaction_that_has_gone_on_ends_with_its_session(self):
        self.relay.from_client(query(b"insert") + query(b"insert"))
        self.relay.from_database(self.SECRET + ready(b"T") + complete(b"INSERT 0 1") + ready(b"T"))
        self.assertEqual(types(self.client.data), "TEE")
        self.assertIn(b"C40000", self.client.data)
        self.assertEqual(len(self.ends), 1)
        self.assertEqual(self.database.state, "closed")


class Silence(OneRelay):
    """A batch that is held back, and a client that says no more."""

    BATCH = parse(b"", b"a") + bind(b"", b"") + execute()
    limits = Limits(100, hold=0.01)

    def test_what_comes_with_its_sync_sets_no_timer(self):
        self.relay.from_client(self.BATCH + SYNC)
        self.relay.from_client(query(b"a"))
        self.assertEqual(self.timers, [])

    def test_a_held_batch_goes_when_the_client_falls_silent(self):
        self.relay.from_client(self.BATCH[:30])
        self.relay.from_client(self.BATCH[30:])
        self.assertEqual((len(self.timers), self.database.data), (1, b""))
        # The client has gone on since the timer was set: it is given as much again.
        self.timers[0].fire()
        self.assertEqual((len(self.timers), self.database.data), (1, b""))
        self.timers[0].fire()
        self.assertEqual((self.timers, self.database.data), ([], self.BATCH))
        self.relay.from_client(SYNC)
        self.assertEqual((self.timers, self.database.data), ([], self.BATCH + SYNC))

    def test_a_timer_that_finds_nothing_held(self):
        self.relay.from_client(self.BATCH)
        self.relay.from_client(SYNC)
        self.timers[0].fire()
        self.assertEqual((self.timers, self.database.data), ([], self.BATCH + SYNC))

    def test_no_timer_outlives_the_session(self):
        self.relay.from_client(self.BATCH)
        self.relay.finish("over")
        self.assertEqual(self.timers, [])

    def test_without_such_a_limit_it_stays(self):
        self.relay = self.make(Limits(100))
        self.relay.from_client(self.BATCH)
        self.assertEqual((self.timers, self.database.data), ([], b""))


class Waiting(SynchronousTestCase):
    """Nobody waits for ever, with any limits of connector and server."""

    @given(programs, st.data())
    def test_everything_is_answered_in_the_end(self, program, data):
        sent = b"".join(said(*step) for step in texts([*program, ("sync", "")]))
        line = self.line(data, sent)
        line.run(data, SIZES)
        self.assertEqual(line.sent, b"")
        self.assertFalse(line.connector.session.outstanding)
        self.assertFalse(line.proxy.session.outstanding)
        self.assertEqual([recorder.events for recorder in line.recorders], [[], []])
        self.assertEqual(line.server.refused, [])
        expected = ReferenceServer().feed(sent)
        if any(words.startswith("deny") for _, words in program):
            # How much of a batch is held decides how much of it has been done.
            self.assertEqual(types(line.client.data).count("Z"), types(expected).count("Z"))
        else:
            self.assertEqual(line.client.data, expected)

    @given(programs, st.data())
    def test_who_falls_silent_gets_what_the_database_says(self, program, data):
        program = [(kind, words) for kind, words in program if not words.startswith("deny")]
        sent = b"".join(said(*step) for step in texts(program))
        line = self.line(data, sent, hold_time=0.01)
        line.run(data, SIZES)
        self.assertEqual((line.sent, line.timers), (b"", []))
        said_alone = ReferenceServer(buffers=True).feed(sent)
        # Who has too much outstanding asks for it, and gets it sooner.
        self.assertEqual(line.client.data[: len(said_alone)], said_alone)
        if min(line.pending) > len(sent):
            self.assertEqual(line.client.data, said_alone)

    def test_reading_does_not_stop_within_a_message_that_has_left_in_part(self):
        """The database would wait for its rest, and the Flush could not be read."""
        program = texts([("extended", "ok"), ("data", ""), ("sync", "")])
        first, copied, _ = (said(*step) for step in program)
        sent = b"".join(said(*step) for step in program)
        line = Line(sent, pending=(1, 1), hold_limit=1 << 20, room=1 << 20)
        line.step("client", len(first) + len(copied) // 2)
        while line.steps():
            line.step(line.steps()[0], len(sent))
        self.assertEqual(line.client.data, ReferenceServer().feed(sent))

    def line(self, data, sent, **options):
        return Line(
            sent,
            pending=data.draw(st.tuples(LIMITS, LIMITS)),
            hold_limit=data.draw(st.sampled_from((0, 50, 1 << 20))),
            room=data.draw(st.sampled_from((0, 20, 1 << 20))),
            carries=data.draw(st.booleans()),
            **options,
        )
