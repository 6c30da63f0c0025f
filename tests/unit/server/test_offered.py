"""A database on this host that offers TLS: when it is used, and when a login goes on without."""

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.authentication import offers_binding
from acra_twisted.server.database import DatabaseChannel
from acra_twisted.server.offered import reach
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message

BINDING = backend.encode_sasl([backend.SCRAM_PLUS, b"SCRAM-SHA-256"])
SCRAM = backend.encode_sasl([b"SCRAM-SHA-256"])
WELCOME = message(b"R", bytes(4))
REFUSED = backend.encode_error(b"FATAL", b"28000", "no pg_hba.conf entry")


class FakeDatabase:
    """Hands out channels, with TLS unless they are to be plain."""

    def __init__(self, encrypted=True):
        self.encrypted = encrypted
        self.channels = []

    def connect(self, plain=False, span=None):
        ready = Deferred()
        channel = DatabaseChannel(None, ready)
        channel.makeConnection(StringTransport())
        channel.encrypted = self.encrypted and not plain
        self.channels.append(channel)
        return ready


class Reaching(SynchronousTestCase):
    def begin(self, may_bind=True, encrypted=True):
        self.database = FakeDatabase(encrypted)
        return ensureDeferred(reach(self.database, b"startup", may_bind))

    def test_who_cannot_bind_or_needs_not_is_asked_nothing(self):
        for may_bind, encrypted in ((False, True), (True, False)):
            channel = self.successResultOf(self.begin(may_bind, encrypted))
            self.assertEqual((channel.answer, channel.transport.value()), (b"", b""))

    def test_whatever_does_not_bind_stays(self):
        for answer in (WELCOME, SCRAM, REFUSED, b"R", b"N"):
            reached = self.begin()
            (channel,) = self.database.channels
            self.assertEqual(channel.transport.value(), b"startup")
            channel.dataReceived(answer)
            self.assertIs(self.successResultOf(reached), channel)
            channel.dataReceived(b"more")
            self.assertEqual(channel.answer, answer + b"more")

    def test_a_login_that_would_bind_goes_on_without_tls(self):
        reached = self.begin()
        self.database.channels[0].dataReceived(BINDING)
        encrypted, plain = self.database.channels
        self.assertEqual(plain.transport.value(), b"startup")
        plain.dataReceived(SCRAM)
        self.assertIs(self.successResultOf(reached), plain)
        self.assertEqual((plain.answer, plain.encrypted), (SCRAM, False))
        self.assertTrue(encrypted.transport.disconnecting)

    def test_unless_nobody_is_taken_without(self):
        reached = self.begin()
        self.database.channels[0].dataReceived(BINDING)
        encrypted, plain = self.database.channels
        plain.dataReceived(REFUSED)
        self.assertIs(self.successResultOf(reached), encrypted)
        self.assertEqual(encrypted.answer, BINDING)
        self.assertTrue(plain.transport.disconnected)

    def test_losses_and_a_client_that_leaves(self):
        lost = Failure(ConnectionLost())
        reached = self.begin()
        self.database.channels[0].connectionLost(lost)
        self.failureResultOf(reached, ConnectionLost)
        reached = self.begin()
        self.database.channels[0].dataReceived(BINDING)
        encrypted, plain = self.database.channels
        encrypted.connectionLost(lost)
        plain.dataReceived(REFUSED)
        self.failureResultOf(reached, ConnectionLost)
        reached = self.begin()
        self.database.channels[0].dataReceived(BINDING)
        reached.cancel()
        self.failureResultOf(reached)
        self.assertTrue(all(c.transport.disconnected for c in self.database.channels))


class Offers(SynchronousTestCase):
    def test_answers(self):
        self.assertTrue(offers_binding(BINDING))
        for answer in (b"", SCRAM, WELCOME, REFUSED, BINDING[:-6], message(b"R", b"\0\0\0\x0a")):
            self.assertFalse(offers_binding(answer), answer)
