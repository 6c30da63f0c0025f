"""Logins carried out between two channels, PostgreSQL's and one whose server speaks first."""

from base64 import b64decode
from types import SimpleNamespace
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from acra_twisted import events
from acra_twisted.dialectinterfaces import ILogin
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.farewells import encode_farewell
from acra_twisted.dialects.postgresql.servedlogin import ServePolicy
from acra_twisted.dialects.postgresql.startup import StartupPolicy
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.interfaces import IMessageStage
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    SESSION,
    Admitted,
    Ask,
    Cancellable,
    Carry,
    Close,
    Connect,
    Copy,
    Fail,
    Open,
    Proven,
    Ready,
    Serve,
    StartTLS,
    Write,
)
from acra_twisted.lookup import Found
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy import ends
from acra_twisted.proxy.handshake import Handshake
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.valve import GETTING_READY, STAGE
from acra_twisted.verdicts import PASS, Hangup
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, StartupPacket, message
from tests.support.line import Line
from tests.support.loginvectors import cases
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

STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()
WELCOME = message(b"R", bytes(4))
PASSWORD = message(b"p", b"secret\0")
REPLY = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()
NOTICE = message(b"N", b"SNOTICE\0\0")


class Certificate(NamedTuple):
    """A certificate, DER, and its end point."""

    der: bytes
    end_point: bytes


#: Those that both sides of TLS show.
OURS, PEERS = (
    Certificate(b64decode(case["certificate_b64"]), bytes.fromhex(case["end_point"]))
    for case in cases("end_points")
    if case["name"] in ("rsa-sha256", "ec-sha384")
)


class Secured(FakeChannel):
    """A channel on which TLS may begin."""

    def __init__(self):
        super().__init__()
        self.tls = []

    def start_tls(self, context, is_client, received=b""):
        self.tls.append((context, is_client, received))
        self.transport.negotiatedProtocol = b"postgresql"
        self.own, self.certificate = OURS.der, PEERS.der

    def own_certificate(self):
        return self.own


class Host:
    """A connection of a daemon, in memory."""

    def __init__(self, login, pipeline=None, link=False):
        self.client, self.back = Secured(), Secured()
        self.told = []
        self.relay = None
        self.session = make_session(ready=False)
        self.handshake = Handshake(
            login,
            self.client,
            self,
            pipeline or Pipeline(),
            Limits(100),
            Clock(),
            {
                Connect: self.reach,
                Cancellable: self.told.append,
                Serve: self.told.append,
                Carry: self.told.append,
                Admitted: lambda action: None,
                Proven: lambda action: None,
                Copy: self.copy,
            },
        )
        # Ends and drains the session.
        self.carrier = self.handshake
        if link:
            self.back.receiver = self.handshake.from_database
            self.handshake.attach(self.back)
        self.client.receiver = self.handshake.from_client
        self.handshake.begin()

    def reach(self, wanted):
        self.told.append(wanted.purpose)
        self.back.receiver = self.handshake.from_database
        self.handshake.reached(self.back, False)

    def tls_context(self, leg):
        return f"TLS of the {leg}"

    def make_session(self):
        return self.session

    def failed(self, error, at_once):
        self.told.append((error, at_once))

    def copy(self, action):
        self.handshake.let_go()
        self.told.append(action)

    def fatal(self, reason, text, number):
        self.number = number
        return encode_farewell(reason, text)

    def session_ready(self, relay):
        self.relay = self.carrier = relay

    def session_ended(self, reason):
        self.told.append(reason)

    def says(self, data):
        """The client says; returned is what the database has got."""
        self.client.receiver(data)
        return self.back.data

    def answers(self, data):
        """The database says; returned is what the client has got."""
        self.back.receiver(data)
        return self.client.data


def postgresql(policy=None, pipeline=None, **options):
    pipeline = pipeline or Pipeline()
    startup = policy or StartupPolicy("disable", frozenset("*"))
    login = PostgresqlDialect().serve(ServePolicy(startup, pipeline, **options))
    return Host(login, pipeline)


@implementer(IMessageStage)
class Slow:
    """Takes its time with texts."""

    name = "slow"

    def __init__(self):
        self.waiting = []

    def on_message(self, batch, exchange):
        waiting = Deferred()
        self.waiting.append(waiting)
        return waiting

    def stop(self):
        pass


class Case(SynchronousTestCase):
    def assert_ended(self, host, reason):
        self.assertEqual(host.told[-1], reason)
        self.assertEqual((host.client.state, host.back.state), ("closed", "closed"))
        self.assertFalse(host.session.outstanding)
        told = list(host.told)
        host.carrier.finish("again")
        self.assertEqual(host.told, told)


class Postgresql(Case):
    def begun(self, pipeline=None, **options):
        host = postgresql(pipeline=pipeline, **options)
        host.says(STARTUP)
        return host

    def test_to_a_relay(self):
        host = self.begun()
        self.assertEqual((host.told, host.back.data), ([SESSION], STARTUP))
        self.assertIsNone(host.relay)
        self.assertEqual(host.answers(WELCOME + ready()), WELCOME + ready())
        self.assertIs(host.relay.session, host.session)
        self.assertTrue(host.says(query(b"a")).endswith(query(b"a")))
        self.assertTrue(host.answers(REPLY).endswith(REPLY))
        self.assertEqual(host.session.observer.outcomes, [("startup", "ok"), ("query", "ok")])

    def test_requests_of_a_session_that_is_not_ready_wait(self):
        """Also where a stage takes its time with what the database says before it is."""
        for stage in (False, True):
            slow = Slow()
            host = self.begun(Pipeline([slow] if stage else []))
            valve, back = host.handshake.valves
            host.says(PASSWORD + query(b"a"))
            self.assertEqual(valve.reasons, {GETTING_READY})
            host.says(query(b"b"))
            self.assertEqual(host.back.data, STARTUP + PASSWORD)
            host.answers(WELCOME + NOTICE + ready())
            if stage:
                self.assertEqual(back.reasons, {STAGE})
                self.assertEqual(host.client.data, WELCOME)
                slow.waiting.pop().callback(PASS)
            self.assertEqual((valve.reasons, back.reasons), (frozenset(), frozenset()))
            self.assertEqual(host.client.data, WELCOME + NOTICE + ready())
            self.assertEqual(host.back.data, STARTUP + PASSWORD + query(b"a") + query(b"b"))

    def test_who_gets_what_is_read_while_the_session_gets_ready(self):
        host = self.begun()
        first = host.client.receiver, host.back.receiver
        first[0](query(b"a"))
        self.assertEqual(host.back.data, STARTUP)
        first[1](WELCOME + ready())
        self.assertEqual(host.back.data, STARTUP + query(b"a"))
        # Somebody may still have the way of before.
        first[0](query(b"b"))
        host.says(query(b"c"))
        first[1](REPLY)
        self.assertEqual(host.back.data, STARTUP + query(b"a") + query(b"b") + query(b"c"))
        self.assertEqual(types(host.client.data), "RZTDCZ")

    def test_a_session_that_is_let_go_leaves_nothing_behind(self):
        """Bytes that nobody has got yet: requests that waited, and part of a message."""
        propagation = Propagation(to_acra=True)
        host = Host(PostgresqlDialect(propagation=propagation).follow("decline"), link=True)
        host.says(STARTUP + query(b"a") + query(b"b")[:6])
        self.assertEqual(host.handshake.valves[0].reasons, {GETTING_READY})
        host.answers(WELCOME + ready() + REPLY[:7])
        self.assertEqual(host.told[-1], (query(b"a") + query(b"b")[:6], REPLY[:7]))
        self.assertEqual(host.handshake.valves[0].reasons, frozenset())
        self.assertEqual((host.back.data, host.client.data), (STARTUP, WELCOME + ready()))
        # Somebody may still have the way of before.
        host.says(b"more")
        host.answers(b"and more")
        self.assertTrue(host.back.data.endswith(b"more"))
        self.assertTrue(host.client.data.endswith(b"and more"))
        # Nothing more is taken, and nobody is told of an end.
        told = list(host.told)
        host.carrier.finish("over")
        self.assertEqual(host.told, told)

    def test_what_came_with_the_startup_packet_waits_too(self):
        host = postgresql()
        host.says(STARTUP + query(b"a"))
        self.assertEqual(host.handshake.valves[0].reasons, {GETTING_READY})
        host.answers(WELCOME + ready() + NOTICE)
        self.assertEqual(host.back.data, STARTUP + query(b"a"))
        self.assertEqual(types(host.client.data), "RZN")

    def test_back_pressure_both_ways(self):
        host = self.begun()
        host.client.transport.producer.pauseProducing()
        self.assertEqual(host.back.transport.paused, 1)
        host.client.transport.producer.resumeProducing()
        host.answers(WELCOME + ready())
        # The relay goes on with the same valves.
        host.back.transport.producer.pauseProducing()
        self.assertEqual(host.client.transport.paused, 1)

    def test_a_stage_that_hangs_up(self):
        slow = Slow()
        for late in (False, True):
            host = self.begun(Pipeline([slow]))
            host.answers(WELCOME + NOTICE)
            if late:
                host.carrier.finish("shutdown", ends.SHUTDOWN)
            slow.waiting.pop().callback(Hangup("poison"))
            self.assertIn(b"C57P01" if late else b"C42000", host.client.data)
            self.assert_ended(host, "shutdown" if late else "stage: poison")

    def test_terminate_while_the_database_gets_ready(self):
        host = self.begun()
        self.assertEqual(host.says(TERMINATE), STARTUP + TERMINATE)
        host.answers(WELCOME)
        self.assertEqual(host.told, [SESSION])
        host.answers(ready())
        self.assertEqual(types(host.client.data), "RZ")
        self.assert_ended(host, "client terminated")
        host = self.begun()
        host.says(TERMINATE)
        host.carrier.database_lost(Failure(ConnectionDone()))
        self.assertEqual(host.client.data, b"")
        self.assert_ended(host, "client terminated")

    def test_a_login_that_cannot_pass_breaks_no_protocol(self):
        host = self.begun(password_without_tls=False)
        host.answers(message(b"R", (3).to_bytes(4, "big")))
        [(code, text)] = host.session.observer.events
        self.assertEqual(code, events.LOGIN_REFUSED)
        self.assertIn("db_tls = require", text)
        self.assertIn(f"M{text}".encode(), host.client.data)
        self.assert_ended(host, "protocol error")

    def test_why_a_session_ends_that_the_database_has_not_let_in(self):
        host = self.begun()
        refused = backend.encode_error(b"FATAL", b"28P01", "no")
        host.answers(refused)
        host.carrier.database_lost(Failure(ConnectionDone()))
        self.assertEqual(host.client.data, refused)
        self.assert_ended(host, "the database refused the login")

    def test_a_client_that_waits_to_get_in_is_told_that_the_database_has_gone(self):
        full = backend.encode_error(b"FATAL", b"53300", "full")
        for sent, expected in (
            (b"", "E"),
            (WELCOME, "RE"),
            (full, "E"),
            (WELCOME[:5], "E"),
            (WELCOME + message(b"S", b"a\0" + b"b" * 100)[:20], "RE"),
        ):
            host = self.begun()
            if sent:
                host.answers(sent)
            host.carrier.database_lost(Failure(ConnectionDone()))
            self.assertEqual(types(host.client.data), expected)
            self.assertEqual(b"C08006" in host.client.data, sent != full)
            self.assert_ended(host, "database disconnected")

    def test_a_client_that_leaves(self):
        host = self.begun()
        host.carrier.client_lost(Failure(ConnectionLost()))
        self.assert_ended(host, "client connection lost")
        self.assertEqual(host.session.observer.outcomes, [("startup", "lost")])

    def test_who_breaks_the_protocol(self):
        for leg, code in (
            ("client", events.UNEXPECTED_PACKET),
            ("database", events.DATABASE_PROTOCOL),
        ):
            host = self.begun()
            (host.says if leg == "client" else host.answers)(message(b"!", b"secret"))
            self.assertEqual([seen for seen, _ in host.session.observer.events], [code])
            self.assertIn(b"C08P01", host.client.data)
            self.assertNotIn(b"secret", host.client.data)
            self.assert_ended(host, "protocol error")

    def test_before_there_is_a_session_its_host_ends_it(self):
        host = postgresql()
        host.says(SSL_REQUEST_PACKET + STARTUP)
        (((error, at_once)),) = host.told
        self.assertIsInstance(error, WireError)
        self.assertFalse(at_once)
        self.assertEqual(host.client.state, "open")
        host.handshake.refuse(EndReason.PROTOCOL, "no")
        self.assertEqual((types(host.client.data), host.client.state), ("E", "closed"))

    def test_tls(self):
        host = postgresql(StartupPolicy("require", frozenset("*")))
        host.says(SSL_REQUEST_PACKET)
        self.assertEqual(
            (host.client.data, host.client.tls), (b"S", [("TLS of the client", False, b"")])
        )
        host.handshake.tls_started(CLIENT)
        host.says(STARTUP)
        self.assertEqual(host.back.data, STARTUP)

    def test_drain_waits_for_the_session_and_ends_it(self):
        for early, expected in ((b"", "RZE"), (query(b"a"), "RZE")):
            host = self.begun()
            if early:
                host.says(early)
            host.carrier.drain()
            self.assertEqual(host.told, [SESSION])
            host.answers(WELCOME + ready())
            self.assertEqual(types(host.client.data), expected)
            self.assertIn(b"C57P01", host.client.data)
            self.assert_ended(host, "shutdown")

    def test_drain_and_the_end_once_it_is_ready(self):
        host = self.begun()
        host.answers(WELCOME + ready())
        host.says(query(b"a"))
        host.carrier.drain()
        self.assertFalse(host.carrier.finished)
        host.answers(REPLY)
        self.assertTrue(host.carrier.finished)
        self.assert_ended(host, "shutdown")

    def test_an_internal_error_ends_the_session(self):
        host = self.begun()
        host.session.span = SimpleNamespace(trace_id="t", span_id="s")
        host.session.observer.exchange_closed = None
        host.answers(WELCOME + ready())
        self.assertIn(b"CXX000", host.client.data)
        self.assertEqual(host.told[-1], "internal error")
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


@implementer(ILogin)
class Greeting:
    """A login whose database speaks first: a line protocol.

    The database greets; the client asks for TLS or says its name, which a question decides about;
    then the database has TLS, gets the name, and says that it is ready.
    """

    encrypted = declined = holding = terminated = False
    due = 7

    def __init__(self, flows):
        self.flows = flows
        self.state = "connecting"
        self.name = b""

    @property
    def unanswered(self):
        return self.state == "waiting"

    def begin(self):
        return [Connect(SESSION, None, b"")]

    def connected(self, encrypted, sent=False, end_point=None):
        self.state = "greeting"
        self.end_points = [end_point]
        return []

    def feed(self, leg, data):
        expected = {
            "greeting": DATABASE,
            "named": CLIENT,
            "waiting": DATABASE,
        }
        if expected.get(self.state) != leg or not data.endswith(b"\n"):
            self.state = "over"
            return [Fail(WireError(leg, "not its turn"))]
        if self.state == "greeting":
            self.state = "named"
            return [Write(CLIENT, b"via a proxy: " + data)]
        if self.state == "named" and data == b"tls\n":
            return [Write(CLIENT, b"go on\n"), StartTLS(CLIENT)]
        if self.state == "named":
            self.name = data
            return [Ask(SimpleNamespace(kind="who", item=data, exchange=None))]
        self.state = "over"
        return [Write(CLIENT, data), Ready(self.flows())]

    def answered(self, answer):
        if answer is not PASS:
            self.state = "over"
            return [Write(CLIENT, b"-no\n"), Close(DATABASE), Close(CLIENT)]
        return [Write(DATABASE, b"tls\n"), StartTLS(DATABASE)]

    def tls_started(self, leg, protocol, end_point=None):
        self.end_points.append(end_point)
        if leg == CLIENT:
            self.encrypted = True
            return []
        return [Open()]

    def looked_up(self, found):
        return [Write(CLIENT, found.secret)]

    def derived(self, salted):
        return [Write(CLIENT, salted)]

    def opened(self, session):
        self.state = "waiting"
        self.session = session
        return [Write(DATABASE, self.name)]

    def leave(self):
        return [Close(DATABASE)]

    def refuse(self, reason, text, trace_id=""):
        self.state = "over"
        return [Write(CLIENT, b"-" + text.encode() + b"\n"), Close(CLIENT)]


class Who:
    """Knows whom to let in, at once or later."""

    inspects = frozenset()

    def __init__(self):
        self.waiting = []

    def run(self, question):
        if question.item == b"later\n":
            self.waiting.append(Deferred())
            return self.waiting[-1]
        return PASS if question.item != b"eve\n" else "no"


class ServerFirst(Case):
    """The same handshake carries out a login of quite another protocol."""

    def begun(self):
        self.who = Who()
        # Its flows are never fed: a session that is ready is no login's business.
        line = Line(b"", pending=(10, 10), hold_limit=0, room=1 << 20)
        flows = line.proxy._request, line.proxy._response
        host = Host(Greeting(lambda: flows), self.who)
        self.assertEqual(host.told, [SESSION])
        return host

    def test_the_contract(self):
        verifyObject(ILogin, Greeting(None))

    def test_a_session(self):
        for name in (b"ann\n", b"later\n"):
            host = self.begun()
            self.assertEqual(host.client.data, b"")
            self.assertEqual(host.answers(b"hello\n"), b"via a proxy: hello\n")
            host.says(b"tls\n")
            self.assertEqual(host.client.tls, [("TLS of the client", False, b"")])
            host.handshake.tls_started(CLIENT)
            host.says(name)
            for waiting in self.who.waiting:
                self.assertEqual(host.back.data, b"")
                waiting.callback(PASS)
            self.assertEqual(host.back.data, b"tls\n")
            self.assertEqual(host.back.tls, [("TLS of the database", True, b"")])
            self.assertIsNone(host.handshake.session)
            host.handshake.tls_started(DATABASE)
            self.assertEqual(host.back.data, b"tls\n" + name)
            self.assertIs(host.handshake.session, host.session)
            host.session.ready = True
            self.assertTrue(host.answers(b"+\n").endswith(b"go on\n+\n"))
            self.assertIsNotNone(host.relay)

    def test_end_points_are_those_of_the_servers_of_both_legs(self):
        host = self.begun()
        host.answers(b"hello\n")
        host.says(b"tls\n")
        host.handshake.tls_started(CLIENT)
        host.says(b"ann\n")
        host.handshake.tls_started(DATABASE)
        told = [None, OURS.end_point, PEERS.end_point]
        self.assertEqual(host.handshake.login.end_points, told)
        for encrypted, expected in ((True, PEERS.end_point), (False, None)):
            host.handshake.reached(host.back, encrypted)
            self.assertEqual(host.handshake.login.end_points, [expected])

    def test_what_was_looked_up_is_the_logins(self):
        host = self.begun()
        host.handshake.looked_up(Found(b"secret"))
        self.assertEqual(host.client.data, b"secret")

    def test_what_was_derived_is_the_logins(self):
        host = self.begun()
        host.handshake.derived(b"a key")
        self.assertEqual(host.client.data, b"a key")

    def test_who_is_not_let_in(self):
        host = self.begun()
        host.answers(b"hello\n")
        host.says(b"eve\n")
        self.assertTrue(host.client.data.endswith(b"-no\n"))
        self.assertEqual((host.client.state, host.back.state), ("closed", "closed"))

    def test_who_speaks_out_of_turn(self):
        host = self.begun()
        host.says(b"me first\n")
        ((error, _),) = host.told[1:]
        self.assertEqual((error.side, host.back.data), (CLIENT, b""))
        host.handshake.refuse(EndReason.PROTOCOL, "wait")
        self.assertEqual((host.client.data, host.client.state), (b"-wait\n", "closed"))

    def test_a_database_that_is_lost_meanwhile(self):
        host = self.begun()
        host.answers(b"hello\n")
        host.says(b"ann\n")
        host.handshake.tls_started(DATABASE)
        host.carrier.database_lost(Failure(ConnectionLost()))
        self.assertIn(b"C08006", host.client.data)
        self.assertEqual(host.number, 7)
        self.assert_ended(host, "database connection lost")
