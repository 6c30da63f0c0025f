"""Eager writes, and the words for failures."""

from OpenSSL import SSL
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import HandshakeError
from acra_twisted.transport.channel import Channel, describe_failure


class Socket(StringTransport):
    """Takes ``room`` bytes at once, queues the rest."""

    room = 5
    dataBuffer = b""
    disconnecting = False

    def __init__(self):
        super().__init__()
        self._tempDataBuffer = []
        self.sent = []

    def writeSomeData(self, data):
        if self.room is None:
            return ConnectionLost()
        self.sent.append(data[: self.room])
        return len(data[: self.room])

    def write(self, data):
        self._tempDataBuffer.append(data)


class Writes(SynchronousTestCase):
    def channel(self):
        channel, transport = Channel(), Socket()
        channel.makeConnection(transport)
        return channel, transport

    def test_what_the_socket_takes_is_sent_at_once(self):
        channel, transport = self.channel()
        channel.write(b"12345")
        self.assertEqual((transport.sent, transport._tempDataBuffer), ([b"12345"], []))

    def test_the_rest_is_queued_and_order_kept(self):
        channel, transport = self.channel()
        channel.write(b"1234567")
        channel.write(b"89")
        self.assertEqual(transport.sent, [b"12345"])
        self.assertEqual(transport._tempDataBuffer, [b"67", b"89"])

    def test_a_broken_socket_is_the_reactors_business(self):
        channel, transport = self.channel()
        transport.room = None
        channel.write(b"123")
        self.assertEqual(transport._tempDataBuffer, [b"123"])

    def test_a_transport_without_a_socket_is_left_alone(self):
        channel, transport = Channel(), StringTransport()
        channel.makeConnection(transport)
        channel.write(b"x")
        self.assertEqual(transport.value(), b"x")


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
