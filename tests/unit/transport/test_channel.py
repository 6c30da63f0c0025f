"""Transports of ours where there is a socket, and the words for failures."""

from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import HandshakeError
from acra_twisted.transport.channel import Channel, describe_failure
from acra_twisted.transport.sockets import SocketTransport
from tests.support.sockets import Reactor, pair


class Writes(SynchronousTestCase):
    def test_a_transport_without_a_socket_is_left_alone(self):
        channel, transport = Channel(), StringTransport()
        channel.makeConnection(transport)
        channel.write(b"x")
        self.assertEqual(transport.value(), b"x")

    def test_its_receiver_may_change_when_it_is_lost(self):
        """As the end of a session does: the first of the two that are told of it."""
        reactor = Reactor()
        near, far = pair(reactor)
        told = []

        class Ending(Channel):
            def lost(self, reason):
                self.deliver_to(told.append)
                told.append("lost")

        near.protocol = channel = Ending()
        transport = SocketTransport(near)
        channel.transport = transport
        channel.deliver_to(told.append)
        far.socket.send(b"x")
        reactor.turn()
        far.socket.close()
        reactor.turn()
        self.assertEqual(told, [b"x", "lost"])


class Descriptions(SynchronousTestCase):
    def test_words(self):
        class VerificationError(Exception):
            pass

        for error, expected in (
            (HandshakeError("no TLS"), "no TLS"),
            (ConnectionLost("host 10.0.0.1"), "ConnectionLost"),
            (SSL.Error([("ssl", "", "certificate verify failed")]), "certificate verify failed"),
            (SSL.Error(), "Error"),
            (VerificationError(["db.example"]), "the certificate is not for the expected name"),
        ):
            self.assertEqual(describe_failure(Failure(error)), expected)
