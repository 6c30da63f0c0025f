"""Socket pairs with transports of ours on them, turned by hand: no reactor, no time."""

from __future__ import annotations

import socket

from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.task import Clock
from zope.interface import implementer

from acra_twisted.interfaces import ISecuredProtocol
from acra_twisted.transport.native.hub import hub_of


class Reactor(Clock):
    """Knows its readers; `turn` gives each its turn until nothing happens any more."""

    def __init__(self):
        super().__init__()
        self.readers = []

    def addReader(self, reader):
        self.readers.append(reader)

    def removeReader(self, reader):
        self.readers.remove(reader)

    def turn(self, times=50):
        for _ in range(times):
            for reader in list(self.readers):
                reader.doRead()
            self.advance(0)

    @property
    def hub(self):
        return hub_of(self)


class Outer:
    """Twisted's transport of a socket, as far as ours uses it."""

    def __init__(self, reactor, sock, protocol):
        self.reactor, self.socket, self.protocol = reactor, sock, protocol
        self.doRead = self.reading = True
        self.reasons = []

    def fileno(self):
        return self.socket.fileno()

    def stopReading(self):
        self.reading = False

    def setTcpNoDelay(self, on):
        raise OSError("a unix socket")

    def getPeer(self):
        return "peer"

    def getHost(self):
        return "host"

    def connectionLost(self, reason):
        self.reasons.append(reason)
        self.socket.close()
        # As Twisted's does: nobody may ask for it any more.
        protocol = self.protocol
        del self.protocol
        protocol.connectionLost(reason)


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


def tcp_pair():
    """Two connected sockets: of TCP, where a reset makes what came before unreadable."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return listener.accept()[0], near
