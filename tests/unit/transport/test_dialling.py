"""Names: whatever the resolver knows; addresses: one after the other, overlapping."""

import socket
from types import SimpleNamespace

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectingCancelledError, ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from acra_twisted.transport import dialling
from acra_twisted.transport.dialling import TcpEndpoint, look_up, resolve
from acra_twisted.transport.failures import Party, reason_of
from acra_twisted.transport.keepalive import KeepAlive
from acra_twisted.transport.peers import DATABASE
from tests.support.names import know

V4, V6 = int(socket.AF_INET), int(socket.AF_INET6)


class Names(SynchronousTestCase):
    def test_underscores_and_others_that_the_resolver_knows(self):
        know(self, "my_db", "-odd_.name_")
        for name in ("my_db", "-odd_.name_"):
            self.assertEqual(look_up(name), [(V4, "127.0.0.1")])

    def test_each_address_once_and_not_too_many(self):
        found = [(V4, 1, 6, "", (f"10.0.0.{number // 2}", 0)) for number in range(60)]
        self.patch(dialling.socket, "getaddrinfo", lambda *args, **named: found)
        self.assertEqual(look_up("many"), [(V4, f"10.0.0.{number}") for number in range(16)])

    def test_what_is_no_name(self):
        for wrong in ("a..b", "x" * 64 + ".example", "b\udcff"):
            error = self.assertRaises(socket.gaierror, look_up, wrong)
            self.assertIn("is no host name", error.strerror)

    def test_a_name_that_nobody_knows(self):
        def unknown(*args, **named):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        self.patch(dialling.socket, "getaddrinfo", unknown)
        error = self.assertRaises(socket.gaierror, look_up, "nowhere")
        text = str(reason_of(error, Party(DATABASE, "nowhere:5432")))
        self.assertIn("nowhere:5432: the name cannot be resolved (Name or service not known)", text)

    def test_a_name_of_another_kind_of_address(self):
        found = [(socket.AF_UNIX, 1, 6, "", ("x", 0))]
        self.patch(dialling.socket, "getaddrinfo", lambda *args, **named: found)
        error = self.assertRaises(socket.gaierror, look_up, "odd")
        self.assertIn("no address", error.strerror)

    def test_an_address_is_its_own_answer(self):
        for family, host in ((V4, "10.1.2.3"), (V6, "::1")):
            self.assertEqual(self.successResultOf(resolve(None, host)), [(family, host)])


class Races(SynchronousTestCase):
    """Several addresses."""

    def setUp(self):
        self.reactor = MemoryReactorClock()
        self.found = [(V6, "::5"), (V4, "10.0.0.5"), (V4, "10.0.0.6")]

    def connect(self):
        endpoint = TcpEndpoint(
            self.reactor, "db", 5, 9, KeepAlive(), lambda reactor, host: succeed(self.found)
        )
        self.assertIn("db:5", repr(endpoint))
        return endpoint.connect(Factory.forProtocol(Protocol))

    def tried(self):
        return [host for host, *_ in self.reactor.tcpClients]

    def fail(self, number):
        factory = self.reactor.tcpClients[number][2]
        factory.clientConnectionFailed(None, Failure(ConnectionRefusedError(str(number))))

    def succeed(self, number):
        protocol = self.reactor.tcpClients[number][2].buildProtocol(None)
        one = socket.socket()
        one.close()
        transport = SimpleNamespace(getHandle=lambda: one)
        protocol.makeConnection(transport)
        return transport

    def test_the_next_one_when_the_one_before_does_not_answer(self):
        connected = self.connect()
        self.assertEqual(self.tried(), ["::5"])
        self.reactor.advance(0.29)
        self.assertEqual(len(self.tried()), 1)
        self.reactor.advance(0.02)
        self.assertEqual(self.tried(), ["::5", "10.0.0.5"])
        transport = self.succeed(1)
        self.assertIs(self.successResultOf(connected).transport, transport)
        self.reactor.advance(5)
        self.assertEqual(len(self.tried()), 2)
        self.assertTrue(self.reactor.connectors[0].stoppedConnecting)

    def test_and_at_once_when_it_has_failed(self):
        connected = self.connect()
        self.fail(0)
        self.fail(1)
        self.assertEqual(self.tried(), ["::5", "10.0.0.5", "10.0.0.6"])
        self.succeed(2)
        self.successResultOf(connected)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_all_fail(self):
        connected = self.connect()
        for number in range(3):
            self.assertNoResult(connected)
            self.fail(number)
        self.assertIn("0", str(self.failureResultOf(connected, ConnectionRefusedError).value))

    def test_given_up(self):
        connected = self.connect()
        self.reactor.advance(0.3)
        connected.cancel()
        self.failureResultOf(connected, ConnectingCancelledError)
        stopped = [connector.stoppedConnecting for connector in self.reactor.connectors]
        self.assertEqual(stopped, [True, True])
        self.reactor.advance(5)
        self.assertEqual(len(self.tried()), 2)

    def test_given_up_while_it_is_looked_up(self):
        endpoint = TcpEndpoint(
            self.reactor, "db", 5, 9, KeepAlive(), lambda reactor, host: Deferred()
        )
        connected = endpoint.connect(Factory())
        connected.cancel()
        self.failureResultOf(connected, CancelledError)

    def test_a_connection_that_is_lost_at_once(self):
        def gone(protocol):
            protocol.transport = None

        self.patch(Protocol, "connectionMade", gone)
        connected = self.connect()
        self.succeed(0)
        self.assertIsNone(self.successResultOf(connected).transport)


class Reactors(TestCase):
    async def test_a_thread_asks_the_resolver(self):
        know(self, "my_db")
        self.assertEqual(await resolve(reactor, "my_db"), [(V4, "127.0.0.1")])
