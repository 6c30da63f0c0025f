"""Socket pairs with transports of ours on them, turned by hand: no reactor, no time."""

from __future__ import annotations

import socket

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.task import Clock
from twisted.internet.tcp import Server
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.interfaces import ISecuredProtocol
from acra_twisted.transport.native.hub import Hub
from acra_twisted.transport.native.sockets import SocketTransport
from acra_twisted.transport.native.tlssockets import TLSTransport


class Reactor(Clock):
    """Knows its readers; `turn` gives each its turn until nothing happens any more."""

    def __init__(self):
        super().__init__()
        self.readers, self.writers = [], []
        self.hub = Hub(self)

    def addReader(self, reader):
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader):
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer):
        if writer not in self.writers:
            self.writers.append(writer)

    def removeWriter(self, writer):
        if writer in self.writers:
            self.writers.remove(writer)

    def turn(self, times=50):
        for _ in range(times):
            for reader in list(self.readers):
                self._tell(reader, reader.doRead())
            for writer in list(self.writers):
                self._tell(writer, writer.doWrite())
            self.advance(0)

    def _tell(self, descriptor, why):
        """Remove a descriptor that is lost and tell it, as Twisted's reactors do."""
        if why is None:
            return
        self.removeReader(descriptor)
        self.removeWriter(descriptor)
        if isinstance(why, ConnectionDone):
            descriptor.readConnectionLost(Failure(why))
        else:
            descriptor.connectionLost(Failure(why))


class Outer:
    """Twisted's transport of a socket, as far as ours uses it.  ``inner`` is for a transport of
    ours: Twisted's own protocol of a native transport says nothing to it."""

    def __init__(self, reactor, sock, protocol):
        self.reactor, self.socket, self.inner = reactor, sock, protocol
        self.doRead = self.reading = True
        self.reasons = []

    def fileno(self):
        return self.socket.fileno()

    def stopReading(self):
        self.reading = False

    def getPeer(self):
        return "peer"

    def getHost(self):
        return "host"

    def connectionLost(self, reason):
        self.reasons.append(reason)
        self.socket.close()


def native(outer, hub=None):
    """A native transport on one of Twisted's."""
    return SocketTransport(outer, outer.inner, hub or outer.reactor.hub, TLSTransport)


@implementer(IHandshakeListener, ISecuredProtocol)
class Collecting:
    """A protocol that remembers."""

    def __init__(self):
        self.data, self.lost, self.shaken = b"", [], 0
        self.on_data = lambda data: None

    def makeConnection(self, transport):
        self.transport = transport

    def dataReceived(self, data):
        self.data += data
        self.on_data(data)

    def handshakeCompleted(self):
        self.shaken += 1

    def connectionLost(self, reason):
        self.lost.append(reason.type.__name__)
        self.why = reason.value


class Producer:
    def __init__(self):
        self.calls = []

    def pauseProducing(self):
        self.calls.append("pause")

    def resumeProducing(self):
        self.calls.append("resume")

    def stopProducing(self):
        self.calls.append("stop")


def pair(reactor, tcp=False):
    """Two connected sockets in Twisted's transports, with protocols that remember."""
    sockets = tcp_pair() if tcp else socket.socketpair()
    for one in sockets:
        one.setblocking(False)
    return tuple(Outer(reactor, one, Collecting()) for one in sockets)


def twisted_pair(reactor, tcp=False):
    """Two connected transports of Twisted's own, with protocols that remember; they do not read
    yet."""
    ends = []
    for one in tcp_pair() if tcp else socket.socketpair():
        one.setblocking(False)
        end = Server(one, None, ("peer", 0), None, 0, reactor)
        end.stopReading()
        end.inner = Collecting()
        ends.append(end)
    return tuple(ends)


def tcp_pair():
    """Two connected sockets: of TCP, where a reset makes what came before unreadable."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return listener.accept()[0], near
