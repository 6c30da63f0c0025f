"""One accepted connection over memory transports: from accept to relay and every way out.

Real peers are in tests/integration; here are the orders of events that they do not produce.
"""

import gc
import os
import ssl
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

from prometheus_client import generate_latest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.authentication import authfile
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.daemon.service import MAIN
from acra_twisted.dialects.postgresql.servedlogin import ServedLogin
from acra_twisted.endreason import EndReason
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.proxy.handshake import Handshake
from acra_twisted.sandbox.authority import Authority
from acra_twisted.server.authentication import Authentication, Refusal
from acra_twisted.server.connection import ServerConnection
from acra_twisted.server.database import DatabaseChannel
from acra_twisted.server.service import AcraServer
from acra_twisted.transport.certificates import REVOKED
from acra_twisted.transport.verifier import CertificateRefused
from acra_twisted.wire import scram
from acra_twisted.wire.link import lengthprefix, tracecontext
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import (
    SPANS_OFFERED_PACKET,
    SSL_REQUEST_PACKET,
    CancelRequest,
    StartupPacket,
    message,
)
from tests.support.loginvectors import group
from tests.support.sessions import messages, query, ready, types

STARTUP = StartupPacket(0, {b"user": b"ann"}).encode()
CONTEXT = TraceContext("a" * 32, "b" * 16, True)


class Listening:
    """Observers, before whom events are noted."""

    def __init__(self, observers):
        self._observers = observers
        self.heard = []

    def __getattr__(self, name):
        return getattr(self._observers, name)

    def security_event(self, code, *given, **fields):
        self.heard.append((code, fields.get("error")))


class ServerCase(SynchronousTestCase):
    """A server whose sockets and database are in memory."""

    def heard(self):
        """The events that are told, with their errors."""
        context = self.server.context
        context.observers = Listening(context.observers)
        return context.observers.heard

    def setUp(self):
        self.make()

    def make(self, **changes):
        """Another server, whose settings are others."""
        self.reactor = MemoryReactorClock()
        settings = defaults(SERVER_SECTIONS).but(
            db_host="127.0.0.1",
            acraconnector_transport_encryption_disable=True,
            stages=(),
            incoming_connection_string=Address("127.0.0.1", 0),
            **{
                "client_id": "an application",
                "tls_auth": 0,
                "max_connections": 2,
                "max_connections_per_address": 5,
                **changes,
            },
        )
        self.server = AcraServer(self.reactor, self.configured(settings))
        self.addCleanup(self.server.listeners[MAIN]._listener.close)
        self.attempts = []
        self.server.context.database.connect = self.connect
        self.spans = []
        self.server.telemetry.tracing.emit = self.spans.append
        self.server.telemetry.tracing.recording = True
        self.server.telemetry.tracing.emit_recorded = None

    def configured(self, settings):
        """The settings of the server."""
        return settings

    def connect(self, span=None):
        attempt = Deferred()
        self.attempts.append(attempt)
        return attempt

    def accept(self, data=b"", address="10.0.0.1"):
        connection = self.server.accepting[""].accept(address)
        connection.makeConnection(StringTransport())
        if data:
            connection.dataReceived(data)
        return connection

    def database(self):
        """The database answers."""
        channel = DatabaseChannel(None, Deferred())
        channel.makeConnection(StringTransport())
        self.attempts.pop().callback(channel)
        return channel


class Connections(ServerCase):
    def session(self, data=STARTUP):
        connection = self.accept(data)
        database = self.database()
        database.dataReceived(message(b"R", b"\0\0\0\0") + message(b"K", b"\0\0\0\7key!") + ready())
        return connection, database

    def lose(self, connection):
        connection.connectionLost(Failure(ConnectionDone()))

    def test_a_session(self):
        connection, database = self.session(tracecontext.encode(CONTEXT) + STARTUP)
        self.assertEqual(database.transport.value(), STARTUP)
        self.assertEqual(types(connection.transport.value()), "RKZ")
        connection.dataReceived(query(b"select 1"))
        self.assertTrue(database.transport.value().endswith(query(b"select 1")))
        self.lose(connection)
        self.assertTrue(database.transport.disconnecting)
        names = {span.name: span for span in self.spans}
        self.assertEqual(names["handleConnection"].trace_id, CONTEXT.trace_id)
        self.assertEqual(names["WrapServer"].parent_id, CONTEXT.span_id)
        self.assertEqual(len(self.server.connections), 0)

    def test_a_session_keeps_nothing_of_its_login(self):
        """Thousands may be idle."""

        def parts():
            gc.collect()
            kinds = Counter(type(one) for one in gc.get_objects())
            return {kind: kinds[kind] for kind in (Handshake, Authentication, ServedLogin)}

        before = parts()
        connection = self.accept(STARTUP)
        self.assertEqual([parts()[kind] - known for kind, known in before.items()], [1, 1, 1])
        database = self.database()
        database.dataReceived(message(b"R", b"\0\0\0\0") + ready())
        self.assertEqual(parts(), before)
        # It is alive.
        self.assertEqual(types(connection.transport.value()), "RZ")

    def test_ob2_acras_connector_says_sampled_of_each(self):
        self.make(tracing_sampler="never")
        for mark, expected in ((0, False), (tracecontext.DECIDES, True)):
            connection = self.accept(tracecontext.encode(CONTEXT, mark) + STARTUP)
            self.assertEqual(connection.span.trace_id, CONTEXT.trace_id)
            self.assertEqual(connection.span.parent_id, CONTEXT.span_id)
            self.assertEqual(connection.span.sampled, expected)

    def test_it_makes_itself_known_to_a_connector_that_follows_and_to_nobody_else(self):
        announced = message(b"S", b"acra_twisted\x001\0")
        for mark in (None, 0, tracecontext.DECIDES, tracecontext.FOLLOWS):
            context = b"" if mark is None else tracecontext.encode(CONTEXT, mark)
            connection, _ = self.session(context + STARTUP)
            said = connection.transport.value()
            expected = mark == tracecontext.FOLLOWS
            self.assertEqual(types(said), "RKSZ" if expected else "RKZ")
            self.assertEqual(announced in said, expected)
            self.lose(connection)

    def test_what_is_encrypted_within_the_link_is_told_nothing(self):
        connection = self.accept(tracecontext.encode(CONTEXT, tracecontext.FOLLOWS))
        connection.dataReceived(STARTUP[:4])
        connection._handshake.login.tls_started("client", None)
        connection.dataReceived(STARTUP[4:])
        self.database().dataReceived(message(b"R", b"\0\0\0\0") + ready())
        self.assertEqual(types(connection.transport.value()), "RZ")

    def test_requests_behind_the_startup_packet_wait_until_the_session_is_ready(self):
        self.accept(STARTUP + query(b"select 1"))
        database = self.database()
        self.assertEqual(database.transport.value(), STARTUP)
        database.dataReceived(message(b"R", b"\0\0\0\0") + ready())
        self.assertEqual(database.transport.value(), STARTUP + query(b"select 1"))

    def test_fr5_byte_by_byte(self):
        connection = self.accept()
        for byte in tracecontext.encode(CONTEXT) + STARTUP:
            connection.dataReceived(bytes((byte,)))
        self.assertEqual(connection.span.trace_id, CONTEXT.trace_id)
        self.assertEqual(len(self.attempts), 1)

    def test_a_client_that_leaves_because_there_is_no_tls(self):
        for more, told in (((STARTUP,), False), ((STARTUP[:5],), False), ((), True)):
            connection = self.accept(SSL_REQUEST_PACKET)
            self.assertEqual(connection.transport.value(), b"N")
            for data in more:
                connection.dataReceived(data)
            self.lose(connection)
            metrics = generate_latest(self.server.metrics.registry)
            self.assertIn(f'acra_events_total{{code="{events.TLS_INIT}"}} 0.0'.encode(), metrics)
            line = b'acra_silent_connections_total{reached="declined_tls"} 1.0'
            self.assertEqual(line in metrics, told)
            self.assertEqual(not self.spans, told)
            self.spans.clear()

    def test_rl1_no_database_before_the_startup_packet_is_whole(self):
        self.accept(STARTUP[:-1])
        self.assertEqual(self.attempts, [])

    def test_the_database_cannot_be_reached(self):
        connection = self.accept(STARTUP)
        self.attempts.pop().errback(ConnectionRefusedError())
        self.assertIn(b"C08006", connection.transport.value())
        self.assertNotIn(b"127.0.0.1", connection.transport.value())
        self.assertTrue(connection.transport.disconnecting)

    def test_a_client_that_leaves_meanwhile(self):
        connection = self.accept(STARTUP)
        attempt = self.attempts[0]
        self.lose(connection)
        self.assertTrue(attempt.called)

    def test_a_database_that_is_reached_as_its_client_leaves_is_left(self):
        database = DatabaseChannel(None, Deferred())
        database.makeConnection(StringTransport())

        def connect(span=None):
            return Deferred(lambda attempt: attempt.callback(database))

        self.server.context.database.connect = connect
        self.lose(self.accept(STARTUP))
        self.assertTrue(database.transport.disconnected)
        self.assertEqual(database.transport.value(), b"")

    def test_early_data_waits_and_is_bounded(self):
        password = message(b"p", b"secret\0")
        for first, second in ((STARTUP, password), (STARTUP + password, b"")):
            connection = self.accept(first)
            connection.dataReceived(second)
            self.assertTrue(self.database().transport.value().endswith(password))
            self.lose(connection)
        connection = self.accept(STARTUP)
        connection.dataReceived(b"x" * 20_000)
        self.assertTrue(connection.transport.disconnected)
        self.lose(connection)
        attempts = len(self.attempts)
        connection = self.accept(STARTUP + b"x" * 20_000)
        self.assertTrue(connection.transport.disconnected)
        self.assertEqual(len(self.attempts), attempts)

    def test_limits(self):
        several = [self.accept() for _ in range(3)]
        several[2].dataReceived(STARTUP)
        self.assertIn(b"C53300", several[2].transport.value())
        self.accept()
        self.assertTrue(self.accept().transport.disconnected)
        self.make(max_connections=9)
        for _ in range(5):
            self.assertFalse(self.accept().transport.disconnected)
        self.assertTrue(self.accept().transport.disconnected)
        self.assertFalse(self.accept(address="10.0.0.2").transport.disconnected)

    def test_the_handshake_is_limited_in_time(self):
        silent, authenticating = self.accept(), self.accept(STARTUP)
        self.database()
        self.reactor.advance(11)
        self.server.connections.check()
        self.assertTrue(silent.transport.disconnected)
        self.assertIn(b"C57P05", authenticating.transport.value())

    def test_who_waits_for_the_database_hears_once_that_it_takes_too_long(self):
        heard = []
        globalLogPublisher.addObserver(heard.append)
        self.addCleanup(globalLogPublisher.removeObserver, heard.append)
        connection = self.accept(STARTUP)
        waiting = self.attempts[0]
        self.reactor.advance(11)
        for _ in range(2):
            self.server.connections.check()
        self.assertEqual(types(connection.transport.value()), "E")
        self.assertIn(b"C57P05", connection.transport.value())
        self.assertTrue(connection.transport.disconnecting and waiting.called)
        codes = [event.get("code") for event in heard]
        self.assertEqual(codes.count(events.DROPPED_BY_TIMEOUT), 1)
        self.assertNotIn(events.CONNECT_TO_DATABASE, codes)

    def test_an_application_that_waits_for_a_greeting(self):
        for mark in (tracecontext.AWAITS, tracecontext.AWAITS | tracecontext.OFFERS):
            heard = self.heard()
            connection = self.accept(tracecontext.encode(CONTEXT, tracecontext.DECIDES | mark))
            told = connection.transport.value()
            self.assertEqual(types(told), "E")
            self.assertIn(b"this listener serves PostgreSQL", told)
            self.assertTrue(connection.transport.disconnecting)
            ((code, error),) = heard
            self.assertEqual(code, events.REFUSED_CONNECTION)
            self.assertIn("the peer speaks the MySQL protocol; this listener serves", error)
            connection.connectionLost(Failure(ConnectionDone()))
            self.assertEqual(self.attempts, [])

    def test_one_that_says_nothing_may_wait_for_a_greeting(self):
        for sent, hint in ((tracecontext.encode(CONTEXT), True), (b"", True), (b"\0\0", False)):
            heard = self.heard()
            connection = self.accept(sent)
            self.reactor.advance(11)
            self.server.connections.check()
            self.assertTrue(connection.transport.disconnected)
            ((code, error),) = heard
            self.assertEqual(code, events.DROPPED_BY_TIMEOUT)
            self.assertEqual("mysql_enable" in (error or ""), hint)

    def test_a_database_that_says_nothing(self):
        heard = self.heard()
        self.accept(STARTUP)
        self.database()
        self.reactor.advance(11)
        self.server.connections.check()
        ((code, error),) = heard
        self.assertEqual(code, events.DROPPED_BY_TIMEOUT)
        self.assertIn("can be reached and says nothing; see db_host and db_port", error)

    def test_a_database_that_leaves_a_login(self):
        """The client is told that the log says more."""
        heard = self.heard()
        connection = self.accept(STARTUP)
        self.database().connectionLost(Failure(ConnectionLost()))
        self.assertIn(
            b"before it answered; AcraServer's log says more", connection.transport.value()
        )
        ((code, error),) = heard
        self.assertEqual(code, events.CONNECT_TO_DATABASE)
        self.assertIn("hung up before it answered", error)

    def test_spans_of_a_connector(self):
        taken = []

        def take(blob, client_id):
            taken.append(blob)
            return iter(())

        self.server.context.intake = SimpleNamespace(take=take)
        connection, transport = self.offer()
        self.assertEqual(transport.value(), b"S")
        connection.dataReceived(lengthprefix.encode(b"a request"))
        self.assertEqual((taken, transport.value()), ([b"a request"], b"SK"))
        self.reactor.advance(100)
        self.server.connections.check()
        self.assertFalse(transport.disconnecting)
        connection.dataReceived(b"\xff\xff\xff\xff")
        self.assertTrue(transport.disconnected)

    def test_spans_that_nobody_asked_for(self):
        self.server.context.intake = None
        _, transport = self.offer()
        self.assertEqual(transport.value(), b"N")
        self.assertTrue(transport.disconnecting)

    def offer(self):
        connection = self.accept(b"\0\0\0\0" + SPANS_OFFERED_PACKET)
        return connection, connection.transport

    def test_cancel(self):
        self.session()
        right = self.accept(CancelRequest(7, b"key!").encode())
        database = self.database()
        self.assertEqual(database.transport.value(), CancelRequest(7, b"key!").encode())
        right.dataReceived(b"ignored")
        database.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(right.transport.disconnecting)
        wrong = self.accept(CancelRequest(7, b"nope").encode())
        self.assertTrue(wrong.transport.disconnecting)
        self.assertEqual(self.attempts, [])
        unlucky = self.accept(CancelRequest(7, b"key!").encode())
        self.attempts.pop().errback(ConnectionRefusedError())
        self.assertTrue(unlucky.transport.disconnecting)
        self.assertEqual(wrong.transport.value() + unlucky.transport.value(), b"")

    def test_a_cancel_request_that_is_not_answered_ends_in_time(self):
        self.session()
        asking = self.accept(CancelRequest(7, b"key!").encode())
        database = self.database()
        self.reactor.advance(11)
        self.server.connections.check()
        self.assertTrue(asking.transport.disconnected)
        asking.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(database.transport.disconnecting)

    def test_keys_end_with_their_sessions(self):
        connection = self.accept(STARTUP)
        database = self.database()
        keys = b"".join(message(b"K", number.to_bytes(4, "big") + b"key!") for number in range(50))
        database.dataReceived(message(b"R", b"\0\0\0\0") + keys)
        self.assertTrue(connection.transport.disconnecting or connection.transport.disconnected)
        for number in range(50):
            late = self.accept(CancelRequest(number, b"key!").encode())
            self.assertTrue(late.transport.disconnecting)
        self.assertEqual(self.attempts, [])

    def test_shutdown_while_the_client_is_asked_who_it_is(self):
        path = self.mktemp()
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(f'"ann" "{group("conversations")["verifier"]}"\n')
        self.make(auth_file=path, auth_without_tls=True)
        connection = self.accept(STARTUP)
        self.assertEqual(types(connection.transport.value()), "R")
        connection.drain()
        self.assertEqual(types(connection.transport.value()), "RE")
        self.assertIn(b"C57P01", connection.transport.value())
        self.assertTrue(connection.transport.disconnecting)
        self.assertEqual(self.attempts, [])

    def test_a_session_whose_certificate_is_revoked_is_told_so(self):
        why = Failure(CertificateRefused(REVOKED, "has been revoked"))
        connection, database = self.session()
        connection.dataReceived(query(b"select 1"))
        connection.revoked(why)
        self.assertIn(b"C57P01", connection.transport.value())
        self.assertIn(b"certificate has been revoked", connection.transport.value())
        self.assertTrue(connection.transport.disconnecting)
        self.assertTrue(database.transport.disconnecting)
        # Nothing that it says now goes anywhere.
        before = database.transport.value()
        connection.dataReceived(query(b"select 2"))
        self.assertEqual(database.transport.value(), before)

    def test_a_connection_without_a_session_yet_is_cut(self):
        connection = self.accept()
        connection.revoked(Failure(CertificateRefused(REVOKED, "has been revoked")))
        self.assertEqual(connection.transport.value(), b"")
        self.assertTrue(connection.transport.disconnected)

    def test_shutdown_in_every_phase(self):
        self.make(max_connections=9)
        idle, _ = self.session()
        fresh, connecting = self.accept(), self.accept()
        connecting.dataReceived(STARTUP)
        for connection in (idle, fresh, connecting):
            connection.drain()
        self.assertIn(b"C57P01", idle.transport.value())
        self.assertIn(b"C57P01", connecting.transport.value())
        self.assertTrue(fresh.transport.disconnecting)
        fresh.cut()
        self.assertTrue(fresh.transport.disconnected)

    def test_who_is_turned_away_while_the_database_is_being_reached_is_told_so_alone(self):
        heard = []
        globalLogPublisher.addObserver(heard.append)
        self.addCleanup(globalLogPublisher.removeObserver, heard.append)
        connection = self.accept(STARTUP)
        attempt = self.attempts[0]
        connection.drain()
        self.assertTrue(attempt.called)
        self.assertEqual(types(connection.transport.value()), "E")
        self.assertIn(b"C57P01", connection.transport.value())
        codes = [event.get("code") for event in heard]
        self.assertNotIn(events.CONNECT_TO_DATABASE, codes)

    def test_what_ends_a_session_names_its_trace_to_those_who_want_it(self):
        self.make(tracing_trace_id_in_errors=True, max_connections=9)
        refused = self.accept(STARTUP)
        self.attempts.pop().errback(ConnectionRefusedError())
        self.assertIn(f"trace_id {refused.span.trace_id}".encode(), refused.transport.value())
        idle, _ = self.session()
        busy, _ = self.session()
        busy.dataReceived(query(b"SELECT 1"))
        for connection in (idle, busy):
            connection.cut()
        self.assertIn(f"trace_id {idle.span.trace_id}".encode(), idle.transport.value())
        said = busy.transport.value()
        self.assertIn(b"trace_id ", said)
        self.assertNotIn(f"trace_id {busy.span.trace_id}".encode(), said)

    def test_running_spans_are_listed(self):
        connection, _ = self.session()
        connection.dataReceived(query(b"select 1"))
        names = [span.name for span in self.server.running_spans()]
        self.assertEqual(names, ["handleConnection", ""])

    def test_without_a_client_id_there_is_no_session(self):
        self.server.context.client_id = ""
        connection = self.accept(STARTUP)
        self.assertIn(b"C28000", connection.transport.value())


class Mapped(ServerCase):
    """A map of client ids decides when the database lets a client in."""

    RULES = """\
- user=root
payments user=ann database=ann address=10.0.0.1
trusted_one user=none database=ann
"""
    PASSWORD = message(b"p", b"secret\0")

    def setUp(self):
        self.rules = Path(self.mktemp())
        self.rules.write_text(self.RULES)
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.make(client_id="", client_id_map_file=str(self.rules), max_connections=9)

    def login(self, user=b"ann", asks=True, address="10.0.0.1"):
        """The client's connection, once the database has let it in."""
        connection = self.server.accepting[""].accept(address)
        transport = StringTransport(peerAddress=IPv4Address("TCP", address, 40000))
        connection.makeConnection(transport)
        connection.dataReceived(StartupPacket(0, {b"user": user}).encode())
        self.back = self.database()
        if asks:
            self.back.dataReceived(message(b"R", b"\0\0\0\3"))
            connection.dataReceived(self.PASSWORD)
        self.back.dataReceived(message(b"R", bytes(4)) + message(b"K", b"\0\0\0\7key!") + ready())
        return connection

    def refusals(self):
        """The events of clients that were refused."""
        return [e for e in self.events if e.get("code") == events.REFUSED_CONNECTION]

    def test_the_proven_user_decides(self):
        connection = self.login()
        self.assertEqual(types(connection.transport.value()), "RRKZ")
        self.assertEqual(connection.session.identity.client_id, "payments")
        attributes = connection.span.attributes
        self.assertEqual(attributes["acra.client_id"], "payments")
        self.assertEqual(attributes["acra.client_id_line"], 2)
        self.assertEqual(self.refusals(), [])

    def test_au7_trust_proves_no_user(self):
        connection = self.login(asks=False)
        self.assertEqual(connection.session.identity.client_id, "trusted_one")
        # Nor does it let in whom a proof would: the line asks for one.
        self.rules.write_text("payments user=ann")
        self.server.context.client_ids.reload()
        refused = self.login(asks=False)
        self.assertEqual(types(refused.transport.value()), "E")

    def test_who_has_no_client_id_is_not_let_in(self):
        for user, address, why in (
            (b"root", "10.0.0.1", "line 1 refuses it"),
            (b"ann", "10.0.0.2", "no line matches"),
        ):
            connection = self.login(user, address=address)
            said = connection.transport.value()
            # The database's question, and then no word of its answer.
            self.assertEqual(types(said), "RE")
            self.assertIn(b"C28000\0Mno client id for this login\0", said)
            self.assertTrue(connection.transport.disconnecting)
            self.assertTrue(self.back.transport.disconnecting)
            event = self.refusals()[-1]
            self.assertEqual((event["event_text"], event["error"]), ("No client id", why))
            self.assertEqual(connection.session.identity.client_id, "")

    def test_early_requests_wait_for_it(self):
        connection = self.server.accepting[""].accept("10.0.0.2")
        connection.makeConnection(StringTransport())
        connection.dataReceived(STARTUP + query(b"select 1"))
        self.back = self.database()
        self.back.dataReceived(message(b"R", b"\0\0\0\3"))
        connection.dataReceived(self.PASSWORD)
        self.assertNotIn(b"select 1", self.back.transport.value())
        self.back.dataReceived(message(b"R", bytes(4)) + ready())
        self.assertNotIn(b"select 1", self.back.transport.value())
        self.assertEqual(types(connection.transport.value()), "RE")

    def test_without_a_proof_it_has_no_id_that_is_not_the_links(self):
        self.make(client_id="an application", client_id_map_file=str(self.rules))
        connection = self.accept(STARTUP)
        self.database()
        self.assertEqual(connection.session.identity.client_id, "")
        self.assertEqual(connection.span.attributes["acra.client_id"], "")

    def test_the_link_is_one_of_its_facts(self):
        self.rules.write_text("payments link=conn_1 user=none")
        self.server.context.client_ids.reload()
        connection = self.server.accepting[""].accept("10.0.0.1")
        connection.peer_authenticated = lambda certificate: None
        connection.makeConnection(StringTransport())
        del connection.peer_authenticated
        connection.peer_authenticated(None, "conn_1")
        connection.dataReceived(STARTUP)
        database = self.database()
        self.assertEqual(connection.session.identity.client_id, "conn_1")
        database.dataReceived(message(b"R", bytes(4)) + ready())
        self.assertEqual(connection.session.identity.client_id, "payments")

    def test_the_links_certificate_is_one_of_its_facts(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        path, _ = Authority(folder).issue("connector")
        der = ssl.PEM_cert_to_DER_cert(path.read_text())
        for by_certificate in (False, True):
            self.make(client_id="", client_id_map_file=str(self.rules))
            self.server.context.id_from_certificate = "serial_number" if by_certificate else ""
            connection = self.server.accepting[""].accept("10.0.0.1")
            connection.peer_authenticated = lambda certificate: None
            connection.makeConnection(StringTransport())
            del connection.peer_authenticated
            connection.peer_authenticated(der)
            self.assertEqual(connection.facts.certificate, der)
            self.assertEqual(bool(connection.facts.link), by_certificate)

    def test_requests_are_sampled_by_the_settled_id(self):
        for chosen, expected in (("payments=always", True), ("other=always", False)):
            self.make(
                client_id_map_file=str(self.rules),
                client_id="",
                tracing_sampler="never",
                tracing_sampler_by_client=(chosen,),
            )
            connection = self.login()
            connection.dataReceived(query(b"select 1"))
            (exchange,) = [entry[2] for entry in connection.session.outstanding]
            self.assertEqual(bool(exchange.span and exchange.span.sampled), expected)
            self.assertEqual(connection.span.sampled, expected)

    def test_a_reload_is_for_new_sessions(self):
        before = self.login()
        self.rules.write_text("reports user=ann")
        self.server.reload()
        self.assertEqual(self.login().session.identity.client_id, "reports")
        self.assertEqual(before.session.identity.client_id, "payments")
        self.rules.write_text("reports usr=ann")
        self.server.reload()
        self.assertEqual(self.login().session.identity.client_id, "reports")


class EndedLogins(ServerCase):
    """Logins that AcraServer ends, and what it does when they fail."""

    def make(self, **changes):
        path = Path(self.mktemp())
        path.touch(0o600)
        keys = scram.keys_of(scram.salted(b"secret", b"salt", 1))
        path.write_bytes(authfile.format_line(b"ann", scram.verifier_of(keys, b"salt", 1).encode()))
        super().make(
            auth_file=str(path),
            auth_without_tls=True,
            max_connections=100,
            max_connections_per_address=100,
            **changes,
        )

    def fail(self, password=b"wrong", hesitates=0):
        """Play a client; returned is its connection, which has said all of it.  It hesitates some
        seconds before it answers."""
        connection = self.accept(STARTUP)
        choice = scram.Choice(scram.PLAIN, scram.CANNOT)
        client = scram.ClientConversation(choice, b"nonce")
        size = len(client.first).to_bytes(4, "big")
        connection.dataReceived(message(b"p", scram.PLAIN + b"\0" + size + client.first))
        *_, (_, body) = messages(connection.transport.value())
        salt, iterations = client.challenged(body[4:])
        connection.transport.clear()
        keys = scram.keys_of(scram.salted(password, salt, iterations))
        self.reactor.advance(hesitates)
        connection.dataReceived(message(b"p", client.answer(keys)))
        return connection

    def waiting(self):
        for _ in range(4):
            self.assertIn(b"28P01", self.fail().transport.value())
        connection = self.fail()
        self.assertEqual(connection.transport.value(), b"")
        return connection

    def test_au4_a_right_password_reaches_the_database_behind_the_same_wait(self):
        wrong = self.waiting()
        right = self.fail(b"secret")
        self.assertEqual(self.attempts, [])
        self.reactor.advance(0.32)
        self.assertIn(b"28P01", wrong.transport.value())
        self.assertTrue(wrong.transport.disconnecting)
        self.reactor.advance(0.32)
        self.assertEqual((len(self.attempts), right.transport.value()), (1, b""))

    def test_a_shutdown_ends_those_who_wait(self):
        connection = self.waiting()
        connection.drain()
        self.assertIn(b"57P01", connection.transport.value())
        self.assertTrue(connection.transport.disconnecting)
        connection.connectionLost(Failure(ConnectionDone()))
        self.reactor.advance(9)
        self.assertNotIn(b"28P01", connection.transport.value())
        self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_who_is_turned_away_while_a_right_password_waits_gets_no_session(self):
        lost = Refusal("lost", EndReason.NO_RIGHT, "the user may not log in any more")
        for turn_away in (ServerConnection.drain, lambda one: one.turn_away(lost)):
            self.make()
            self.waiting()
            right = self.fail(b"secret")
            turn_away(right)
            told = right.transport.value()
            self.assertEqual(types(told), "E")
            self.assertTrue(right.transport.disconnecting)
            # The wrong one waits alone.
            self.assertEqual(self.server.context.login_limits.in_progress, 1)
            self.reactor.advance(9)
            self.assertEqual((self.attempts, right.transport.value()), ([], told))

    def test_the_time_limit_of_handshakes_covers_the_wait(self):
        for _ in range(20):
            connection = self.fail()
        self.reactor.advance(9.9)
        self.assertIn(b"28P01", connection.transport.value())

    def test_au4_whose_time_is_up_hears_it_whether_the_password_was_right_or_not(self):
        for password in (b"secret", b"wrong"):
            self.make()
            self.waiting()
            connection = self.fail(password, hesitates=9.9)
            self.reactor.advance(0.11)
            self.server.connections.check()
            with self.subTest(password=password):
                told = connection.transport.value()
                self.assertEqual(types(told), "E")
                self.assertIn(b"57P05", told)
                self.assertTrue(connection.transport.disconnecting)
                self.reactor.advance(9)
                self.assertEqual((self.attempts, connection.transport.value()), ([], told))
                self.assertEqual(self.server.context.login_limits.in_progress, 0)

    def test_who_does_not_answer_hears_that_the_time_is_up(self):
        connection = self.accept(STARTUP)
        self.assertEqual(types(connection.transport.value()), "R")
        self.reactor.advance(11)
        self.server.connections.check()
        self.assertEqual(types(connection.transport.value()), "RE")
        self.assertIn(b"57P05", connection.transport.value())
        self.assertTrue(connection.transport.disconnecting)

    def test_a_client_that_goes_meanwhile_leaves_nothing_behind(self):
        connection = self.waiting()
        connection.connectionLost(Failure(ConnectionDone()))
        limits = self.server.context.login_limits
        self.assertEqual((limits.in_progress, len(limits)), (0, 3))

    def test_one_login_too_many_is_refused_before_it_is_asked(self):
        self.make(auth_max_logins=1)
        self.accept(STARTUP)
        connection = self.accept(STARTUP)
        self.assertIn(b"53300", connection.transport.value())
        self.assertTrue(connection.transport.disconnecting)
