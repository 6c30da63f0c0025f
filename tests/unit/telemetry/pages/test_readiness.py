"""Readiness: the next in the chain is asked by a connection, seldom, and in time."""

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.readiness import Reach, ReachAll, connecting


class Endpoint:
    def __init__(self):
        self.attempts = []

    def connect(self, factory):
        self.attempts.append((factory, Deferred()))
        return self.attempts[-1][1]


class Reaching(SynchronousTestCase):
    def setUp(self):
        self.clock, self.endpoint = Clock(), Endpoint()
        self.clock.advance(1000)
        self.reach = Reach(self.clock, "database", connecting(self.endpoint))

    def connected(self):
        factory, attempt = self.endpoint.attempts[-1]
        protocol, transport = factory.buildProtocol(None), StringTransport()
        protocol.makeConnection(transport)
        attempt.callback(protocol)
        return transport

    def test_it_can(self):
        asked = self.reach.problem()
        self.assertNoResult(asked)
        transport = self.connected()
        self.assertEqual(self.successResultOf(asked), "")
        self.assertEqual((transport.value(), transport.disconnecting), (b"", True))

    def test_it_cannot(self):
        asked = self.reach.problem()
        self.endpoint.attempts[-1][1].errback(Failure(ConnectionRefusedError("10.1.2.3")))
        self.assertEqual(self.successResultOf(asked), "database cannot be reached")

    def test_no_answer(self):
        asked = self.reach.problem()
        self.clock.advance(3.1)
        self.assertEqual(self.successResultOf(asked), "database cannot be reached")

    def test_it_takes_no_connections(self):
        answer = Deferred()
        asked = Reach(self.clock, "database", lambda: answer).problem()
        self.assertNoResult(asked)
        answer.callback("takes no connections")
        self.assertEqual(self.successResultOf(asked), "database takes no connections")

    def test_a_verdict_that_does_not_come(self):
        given_up = []
        answer = Deferred(given_up.append)
        asked = Reach(self.clock, "database", lambda: answer).problem()
        self.assertNoResult(asked)
        self.clock.advance(3.1)
        self.assertEqual(self.successResultOf(asked), "database cannot be reached")
        self.assertEqual(given_up, [answer])

    def test_many_who_ask_cost_one_connection(self):
        asked = [self.reach.problem() for _ in range(50)]
        self.connected()
        self.assertEqual([self.successResultOf(one) for one in asked], [""] * 50)
        self.clock.advance(1.9)
        self.assertEqual(self.successResultOf(self.reach.problem()), "")
        self.assertEqual(len(self.endpoint.attempts), 1)
        self.clock.advance(0.2)
        self.assertNoResult(self.reach.problem())
        self.assertEqual(len(self.endpoint.attempts), 2)

    def test_of_several_the_one_that_cannot_be_reached_is_named(self):
        second = Endpoint()
        both = ReachAll(
            [self.reach, Reach(self.clock, "database", connecting(second), "database of second")]
        )
        self.assertEqual(both.name, "database")
        asked = both.problem()
        self.connected()
        self.assertNoResult(asked)
        second.attempts[-1][1].errback(Failure(ConnectionRefusedError("10.1.2.3")))
        self.assertEqual(self.successResultOf(asked), "database of second cannot be reached")
