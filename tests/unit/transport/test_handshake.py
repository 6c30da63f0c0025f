"""The words about a TLS handshake that fails."""

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ForeignProtocol, HandshakeError
from acra_twisted.transport import spoken
from acra_twisted.transport.endings import LOST
from acra_twisted.transport.handshake import described, is_misdirected, refused
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET

CLIENT_HELLO = bytes.fromhex("1603010004")


class Answering:
    def misdirected(self, transport):
        """An application's answer."""


class Handshakes(SynchronousTestCase):
    def test_another_protocol_is_named(self):
        why = refused(b"GET / HTTP/1.0", SSL.Error([("", "", "wrong version number")]))
        self.assertIsInstance(why.value, ForeignProtocol)
        self.assertEqual(why.value.protocol, spoken.HTTP)

    def test_of_tls_it_is_what_openssl_found(self):
        error = SSL.Error([("", "", "no shared cipher")])
        for first in (CLIENT_HELLO, b""):
            self.assertIs(refused(first, error).value, error)

    def test_an_end_is_a_loss(self):
        for error in (SSL.SysCallError(-1, "Unexpected EOF"), SSL.Error("unexpected eof while")):
            self.assertIs(described(error), LOST)

    def test_words_of_a_peer_are_not_taken_for_an_end(self):
        class Refused(HandshakeError, SSL.Error):
            """As a certificate is refused."""

        error = Refused("unexpected eof")
        self.assertIs(described(error).value, error)

    def test_an_application_at_a_port_for_tls(self):
        self.assertTrue(is_misdirected(SSL_REQUEST_PACKET, Answering()))
        self.assertFalse(is_misdirected(SSL_REQUEST_PACKET, object()))
        self.assertFalse(is_misdirected(CLIENT_HELLO, Answering()))
        self.assertFalse(is_misdirected(b"", Answering()))
