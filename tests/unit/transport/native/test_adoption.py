"""The transports that protocols get, by the setting; both forms do the same."""

import os
import socket

from twisted.internet.defer import succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.native.adoption import PLAIN, Transports, make_transports
from acra_twisted.transport.native.sockets import SocketTransport
from tests.support.sockets import Collecting, Reactor, twisted_pair


class Building(Factory):
    """Builds what it is told to, and notes when it is used."""

    def __init__(self, protocol):
        self.built, self.used = protocol, []

    def doStart(self):
        self.used.append("start")

    def doStop(self):
        self.used.append("stop")

    def buildProtocol(self, addr):
        return self.built


class Adoption(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.protocol = Collecting()

    def adopt(self, transports):
        """As Twisted does with a socket that it has accepted."""
        self.near, far = twisted_pair(self.reactor, tcp=True)
        self.there = far.getHandle()
        self.addCleanup(self.reactor.turn)
        self.addCleanup(self.there.close)
        protocol = transports.adopt(Building(self.protocol)).buildProtocol(None)
        self.near.protocol = protocol
        self.near.startReading()
        protocol.makeConnection(self.near)

    def test_native_ones_are_on_a_hub(self):
        transports = Transports(self.reactor, native=True, busy=0.0001)
        self.adopt(transports)
        self.assertIs(type(self.protocol.transport), SocketTransport)
        self.assertEqual(self.reactor.readers, [transports.hub])
        self.assertEqual(transports.hub.busy, 0.0001)

    def test_plain_ones_are_those_of_twisted(self):
        self.adopt(PLAIN)
        self.assertIs(self.protocol.transport, self.near)
        self.assertIsNone(PLAIN.hub)

    def test_both_carry_bytes_without_delay_and_tell_of_the_end_once(self):
        for transports in (PLAIN, Transports(self.reactor, native=True)):
            self.protocol = Collecting()
            self.adopt(transports)
            near, there = self.near.getHandle(), self.there
            self.assertTrue(near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            there.send(b"ping")
            self.reactor.turn()
            self.protocol.transport.write(b"pong")
            self.reactor.turn()
            self.assertEqual((self.protocol.data, there.recv(10)), (b"ping", b"pong"))
            there.close()
            self.reactor.turn()
            self.assertEqual(self.protocol.lost, ["ConnectionDone"])

    def test_a_socket_that_twisted_closes_itself(self):
        """It tries to write to one that is connected, and finds that it has been reset."""
        transports = Transports(self.reactor, native=True)
        for ends in (lambda: None, lambda: self.protocol.transport.write(b"pong")):
            self.protocol = Collecting()
            self.adopt(transports)
            fd = self.near.fileno()
            transports.hub.holding = True
            ends()
            transports.hub.holding = False
            self.near.connectionLost(Failure(ConnectionLost()))
            self.assertEqual(self.protocol.lost, ["ConnectionLost"])
            self.assertEqual(self.reactor.readers, [])
            # Its number is another's by now.
            os.dup2(self.there.fileno(), fd)
            transport = self.protocol.transport
            transport.pauseProducing()
            transport.abortConnection()
            transport.loseConnection()
            transport.write(b"more")
            self.reactor.turn()
            self.assertEqual(self.protocol.lost, ["ConnectionLost"])
            os.close(fd)

    def test_what_has_no_socket_stays_what_it_is(self):
        transports = Transports(self.reactor, native=True)
        protocol = transports.adopt(Building(self.protocol)).buildProtocol(None)
        transport = StringTransport()
        protocol.makeConnection(transport)
        self.assertIs(self.protocol.transport, transport)
        protocol.dataReceived(b"x")
        protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.protocol.data, self.protocol.lost), (b"x", ["ConnectionDone"]))

    def test_the_factory_is_asked_and_told(self):
        inner = Building(None)
        factory = PLAIN.adopt(inner)
        factory.doStart()
        self.assertIsNone(factory.buildProtocol(None))
        factory.doStop()
        self.assertEqual(inner.used, ["start", "stop"])

    def test_an_endpoint_connects_with_them(self):
        factories = []

        class Endpoint:
            def connect(self, factory):
                factories.append(factory)
                return succeed("connected")

        connecting = PLAIN.connecting(Endpoint()).connect(Building(self.protocol))
        self.assertEqual(self.successResultOf(connecting), "connected")
        factories[0].buildProtocol(None).makeConnection(StringTransport())
        self.assertIsInstance(self.protocol.transport, StringTransport)

    def test_without_a_hub_nothing_waits(self):
        called = []
        PLAIN.afterwards(lambda: called.append(True))
        self.assertEqual(called, [True])

    def test_the_settings_choose(self):
        for chosen, native in (("auto", True), ("off", False)):
            settings = {"native_transports": chosen, "busy_poll": 100}
            transports = make_transports(Clock(), settings)
            self.assertEqual(transports.hub is not None, native)
            if native:
                self.assertEqual(transports.hub.busy, 0.0001)
