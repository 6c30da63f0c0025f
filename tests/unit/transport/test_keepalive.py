"""TCP's keepalive on real sockets: those that listen, are accepted, are handed over, connect."""

import os
import socket
import tempfile

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase, TestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.channel import Channel
from acra_twisted.transport.endpoints import ListenerService, bind, client_endpoint
from acra_twisted.transport.keepalive import KeepAlive, keepalive

CHOSEN = KeepAlive(50, 7, 3, 90.5)
OPTIONS = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")


def values(one):
    """Return a socket's settings: whether it asks, and the four numbers."""
    asks = one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    numbers = [one.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in OPTIONS]
    return (asks, *numbers)


EXPECTED = (1, 50, 7, 3, 90500)


class Sockets(SynchronousTestCase):
    def test_zero_leaves_what_the_system_has(self):
        with socket.socket() as one:
            before = values(one)
            KeepAlive().apply(one)
            self.assertEqual(values(one), (1, *before[1:]))

    def test_a_unix_socket_stays_as_it_is(self):
        with socket.socket(socket.AF_UNIX) as one:
            CHOSEN.apply(one)
            self.assertEqual(one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 0)

    def test_settings_of_both_daemons(self):
        for sections in (SERVER_SECTIONS, CONNECTOR_SECTIONS):
            settings = defaults(sections)
            self.assertEqual(keepalive(settings), KeepAlive(60, 15, 4, 0.0))
            chosen = settings.but(tcp_keepalives_idle=50, tcp_user_timeout=90.5)
            self.assertEqual(keepalive(chosen), KeepAlive(50, 15, 4, 90.5))

    def accepted(self, listener):
        with socket.create_connection(listener.getsockname()):
            listener.setblocking(True)
            one, _ = listener.accept()
        self.addCleanup(one.close)
        return one

    def test_what_is_accepted_inherits(self):
        listener = bind("opt", Address("127.0.0.1", 0), keepalive=CHOSEN)
        self.addCleanup(listener.close)
        self.assertEqual(values(listener), EXPECTED)
        self.assertEqual(values(self.accepted(listener)), EXPECTED)

    def test_a_socket_that_was_handed_over(self):
        given = socket.create_server(("127.0.0.1", 0))
        address = Address(*given.getsockname())
        inherited = InheritedSockets([given.detach()])
        listener = bind("opt", address, keepalive=CHOSEN, inherited=inherited)
        self.addCleanup(listener.close)
        self.assertEqual(values(self.accepted(listener)), EXPECTED)


class Kept(Channel):
    """Takes the socket over, as every session does; ``made`` fires with it."""

    def __init__(self, made):
        self.made = made

    def opened(self):
        self.made.callback(self)


class Plain(Protocol):
    """Stays with Twisted's own transport."""

    def __init__(self, made):
        self.made = made

    def connectionMade(self):
        self.made.callback(self)


class Made(Factory):
    noisy = False

    def __init__(self, kind):
        self.kind, self.made = kind, Deferred()

    def buildProtocol(self, addr):
        return self.kind(self.made)


class Connections(TestCase):
    async def both_ends(self, kind, address, keepalive=CHOSEN):
        accepting, connecting = Made(kind), Made(kind)
        listener = bind("opt", address, keepalive=keepalive)
        service = ListenerService(reactor, listener, accepting, address.path)
        service.startService()
        if not address.path:
            address = Address(address.host, service.port_number)
        endpoint = client_endpoint(reactor, address, 5, keepalive)
        client = await endpoint.connect(connecting)
        self.assertIsInstance(client, kind)
        server = await accepting.made
        sockets = [end.transport.getHandle() for end in (client, server)]
        found = [values(one) if not address.path else one.family for one in sockets]
        ended = [Deferred(), Deferred()]
        for end, over in zip((client, server), ended, strict=True):
            end.connectionLost = lambda reason, over=over: over.callback(None)
        client.transport.loseConnection()
        for over in ended:
            await over
        await service.stopService()
        return found

    async def test_sockets_of_ours(self):
        self.assertEqual(await self.both_ends(Kept, Address("127.0.0.1", 0)), [EXPECTED] * 2)

    async def test_sockets_of_twisted(self):
        self.assertEqual(await self.both_ends(Plain, Address("127.0.0.1", 0)), [EXPECTED] * 2)

    async def test_by_name(self):
        self.assertEqual(await self.both_ends(Kept, Address("localhost", 0)), [EXPECTED] * 2)

    async def test_unix_sockets(self):
        with tempfile.TemporaryDirectory() as folder:
            found = await self.both_ends(Kept, Address(path=os.path.join(folder, "s")))
        self.assertEqual(found, [socket.AF_UNIX] * 2)
