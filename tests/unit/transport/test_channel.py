"""Transports of ours where there is a socket, and the words for failures."""

from OpenSSL import SSL
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.channel import Channel
from acra_twisted.transport.native.tlssockets import TLSTransport
from tests.support.sockets import Reactor, native, pair


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
                self.receiver = told.append
                told.append("lost")

        near.inner = channel = Ending()
        channel.makeConnection(native(near))
        channel.receiver = told.append
        far.socket.send(b"x")
        reactor.turn()
        far.socket.close()
        reactor.turn()
        self.assertEqual(told, [b"x", "lost"])

    def test_tls_begins_when_what_was_held_back_has_gone(self):
        """As a server answers an SSLRequest: one byte, then TLS on the same socket."""
        reactor = Reactor()
        near, far = pair(reactor)
        seen = []

        class Answering(Channel):
            def __init__(self):
                self.receiver = self.answer

            def answer(self, data):
                self.write(b"S")
                self.start_tls(_Context(), False)
                seen.append(far.socket.recv(10))

        near.inner = channel = Answering()
        channel.makeConnection(native(near))
        far.socket.send(b"?")
        reactor.turn(1)
        self.assertEqual(seen, [b"S"])
        self.assertIs(type(channel.transport), TLSTransport)
        far.socket.close()
        reactor.turn()


class _Context:
    """TLS without a certificate: no handshake is finished here."""

    resumes = False

    def connection(self, connected, transport, is_client):
        made = SSL.Connection(SSL.Context(SSL.TLS_METHOD), connected)
        made.set_accept_state()
        return made
