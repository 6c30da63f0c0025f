"""The connector's API port over memory transports: what is handed on, and every way out."""

from types import SimpleNamespace

from prometheus_client import generate_latest
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.connector.api import api_address
from acra_twisted.connector.link import LinkChannel
from acra_twisted.daemon.service import API
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.wire.link import tracecontext
from tests.unit.connector.test_connection import Connected, Shaking

RESET = b"GET /resetKeyStorage HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK Found\r\n\r\n"
PARENT = "00-" + "c" * 32 + "-" + "d" * 16 + "-01"


class Commands(Connected):
    def more(self):
        return {
            "http_api_enable": True,
            "acraserver_api_connection_string": Address("127.0.0.1", 2),
            "incoming_connection_api_string": Address("127.0.0.1", 0),
        }

    def setUp(self):
        super().setUp()
        self.addCleanup(self.connector.listeners[API]._listener.close)
        api = SimpleNamespace(connect=self.connect, party=self.connector.api.party)
        self.connector.api = api

    def ask(self, *chunks):
        asking = self.connector.accept_command()
        asking.makeConnection(StringTransport())
        for chunk in chunks:
            asking.dataReceived(chunk)
        return asking

    def link(self):
        link = LinkChannel(self.attempts.pop()[0])
        link.makeConnection(StringTransport())
        return link

    def status(self, asking):
        self.assertTrue(asking.transport.disconnecting)
        return asking.transport.value()[9:12]

    def test_the_context_then_the_request_then_the_answer(self):
        asking = self.ask(RESET[:20], RESET[20:])
        link = self.link()
        context = tracecontext.encode(asking.span.context, self.connector.context.mark)
        self.assertEqual(link.transport.value(), context + RESET)
        link.dataReceived(OK)
        self.assertFalse(asking.transport.disconnecting)
        link.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(asking.transport.value(), OK)
        self.assertTrue(asking.transport.disconnecting)
        asking.connectionLost(Failure(ConnectionDone()))
        names = sorted(span.name for span in self.spans)
        self.assertEqual(
            names, ["ProxyWithTracing", "ProxyWithTracing", "WrapClient", "handleConnection"]
        )
        self.assertTrue(all(span.end for span in self.spans))
        self.assertEqual(len(self.connector.connections), 0)

    def test_what_stands_behind_the_head_is_not_handed_on(self):
        asking = self.ask(RESET + RESET, b"more")
        context = tracecontext.encode(asking.span.context, self.connector.context.mark)
        self.assertEqual(self.link().transport.value(), context + RESET)

    def test_a_context_of_the_programs_goes_on(self):
        asking = self.ask(RESET[:-2] + f"traceparent: {PARENT}\r\n\r\n".encode())
        self.assertEqual(asking.span.trace_id, "c" * 32)
        self.assertEqual(asking.span.parent_id, "d" * 16)

    def test_no_link_for_what_is_no_request(self):
        for data in (b"hello\r\n", b"x" * 20_000):
            asking = self.ask(data)
            self.assertEqual(self.status(asking), b"400")
            asking.connectionLost(Failure(ConnectionDone()))
        page = self.ask(RESET[:-2] + b"Origin: http://evil.example\r\n\r\n")
        self.assertEqual(self.status(page), b"403")
        self.assertEqual(self.attempts, [])

    def test_the_server_cannot_be_reached(self):
        asking = self.ask(RESET)
        self.attempts.pop()[0].errback(Failure(ConnectionRefusedError()))
        self.assertEqual(self.status(asking), b"502")
        self.assertIn(b"could not connect to the API of AcraServer", asking.transport.value())

    def test_the_server_hangs_up(self):
        asking = self.ask(RESET)
        self.link().connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.status(asking), b"502")

    def test_a_program_that_leaves(self):
        asking = self.ask(RESET)
        link = self.link()
        asking.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(link.transport.disconnecting)
        waiting = self.ask(RESET)
        shaking = LinkChannel(self.attempts.pop()[0])
        shaking.makeConnection(Shaking())
        waiting.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(shaking.transport.disconnected)
        self.assertEqual(shaking.transport.value(), b"")
        self.spans.clear()
        probe = self.ask()
        probe.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(self.spans, [])
        line = b'acra_silent_connections_total{reached="accepted"} 1.0'
        self.assertIn(line, generate_latest(self.connector.metrics.registry))

    def test_an_endless_answer(self):
        asking = self.ask(RESET)
        link = self.link()
        for _ in range(20):
            link.dataReceived(b"x" * 65_536)
        self.assertTrue(asking.transport.disconnected)
        self.assertLess(len(asking.transport.value()), 1 << 21)

    def test_limits_and_users(self):
        several = [self.ask() for _ in range(2)]
        self.assertEqual(self.status(self.ask(RESET)), b"503")
        for asking in several:
            asking.connectionLost(Failure(ConnectionDone()))

    def test_it_may_not_take_for_ever(self):
        asking = self.ask(RESET[:-2])
        asking.check(self.reactor.seconds() + 3600)
        self.assertTrue(asking.transport.disconnected)

    def test_shutdown_waits_for_an_answer_and_not_for_a_request(self):
        silent, asking = self.ask(), self.ask(RESET)
        link = self.link()
        for connection in (silent, asking):
            connection.drain()
        self.assertTrue(silent.transport.disconnecting)
        link.dataReceived(OK)
        self.assertEqual(asking.transport.value(), OK)
        asking.cut()
        self.assertTrue(asking.transport.disconnected)


class Addresses(SynchronousTestCase):
    def test_where_the_api_is(self):
        settings = defaults(CONNECTOR_SECTIONS)
        with self.assertRaisesRegex(ConfigError, "acraserver_api_connection_string"):
            api_address(settings)
        there = Address("acra.example", 9999)
        self.assertEqual(api_address(settings.but(acraserver_api_connection_string=there)), there)
        named = settings.but(acraserver_connection_host="other.example")
        self.assertEqual(api_address(named), Address("other.example", 9090))
