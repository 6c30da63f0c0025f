"""The greeting of a server that should have waited for the application."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.connector.greeting import LIMIT, PATIENCE, Greeting


class Greetings(SynchronousTestCase):
    def setUp(self):
        self.clock, self.delivered = Clock(), []
        self.greeting = Greeting(self.clock, self.delivered.append)

    def test_it_is_delivered_once(self):
        for piece in (b"J\0\0\0", b"\x0a8.0.36\0"):
            self.greeting.add(piece)
        self.assertEqual((self.delivered, self.greeting.is_held), ([], True))
        for _ in range(2):
            self.greeting.release()
        self.assertEqual(self.delivered, [b"J\0\0\0\x0a8.0.36\0"])
        self.assertEqual((self.clock.getDelayedCalls(), self.greeting.is_held), ([], False))

    def test_it_waits_no_longer(self):
        self.greeting.add(b"J")
        self.clock.advance(PATIENCE / 2)
        self.assertEqual(self.delivered, [])
        self.clock.advance(PATIENCE / 2)
        self.assertEqual(self.delivered, [b"J"])

    def test_no_more_of_it_is_held(self):
        for _ in range(LIMIT // 1024):
            self.greeting.add(b"x" * 1024)
        self.assertEqual(self.delivered, [])
        self.greeting.add(b"x")
        self.assertEqual([len(data) for data in self.delivered], [LIMIT + 1])

    def test_it_is_dropped(self):
        self.greeting.add(b"J")
        self.greeting.drop()
        self.clock.advance(PATIENCE)
        self.assertEqual(self.delivered, [])
