"""The connector's end of a link: when it stands, who is told, and what ends it."""

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.link import Attempt, LinkFactory, begin

LOST = Failure(ConnectionLost())


class Listener:
    """A protocol that speaks over a link."""

    def __init__(self):
        self.told = []
        self.server_lost = self.told.append


class Links(SynchronousTestCase):
    def begin(self):
        attempt = Attempt()
        channel = LinkFactory(attempt).buildProtocol(None)
        channel.makeConnection(StringTransport())
        return attempt, channel

    def test_one_that_stands(self):
        attempt, channel = self.begin()
        self.assertIs(self.successResultOf(attempt), channel)
        self.assertEqual(attempt.local, "10.0.0.1:12345")
        # Nobody listens yet.
        channel.dataReceived(b"early")
        listener = Listener()
        channel.carry(listener, listener.told.append)
        channel.dataReceived(b"bytes")
        channel.connectionLost(LOST)
        self.assertEqual(listener.told, [b"bytes", LOST])

    def test_one_that_was_let_go_tells_nobody(self):
        _, channel = self.begin()
        listener = Listener()
        channel.carry(listener, listener.told.append)
        channel.let_go()
        channel.dataReceived(b"late")
        channel.connectionLost(LOST)
        self.assertEqual(listener.told, [])

    def test_one_that_is_never_made(self):
        attempt = Attempt()
        channel = LinkFactory(attempt).buildProtocol(None)
        channel.lost(LOST)
        self.failureResultOf(attempt, ConnectionLost)
        refused = Failure(ConnectionRefusedError())
        connecting = Deferred()
        other = begin(lambda established: connecting, 5, Clock())
        connecting.errback(refused)
        self.failureResultOf(other, ConnectionRefusedError)
        # The channel was told first: what the endpoint says later is no news.
        connecting, told = Deferred(), []
        other = begin(lambda established: connecting, 5, Clock())
        other.addErrback(told.append)
        other.errback(LOST)
        connecting.errback(refused)
        self.assertEqual(told, [LOST])

    def test_one_that_takes_too_long_is_given_up(self):
        clock, cancelled = Clock(), []
        connecting = Deferred(cancelled.append)
        attempt = begin(lambda established: connecting, 5, clock)
        clock.advance(5)
        self.failureResultOf(attempt, TimeoutError)
        self.assertEqual(cancelled, [connecting])
