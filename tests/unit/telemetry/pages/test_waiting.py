"""A page waits, and goes on."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.waiting import Wait


class Waiting(SynchronousTestCase):
    def setUp(self):
        self.called = []

    def call(self):
        self.called.append(True)

    def test_what_has_come_already(self):
        wait = Wait(succeed(5))
        wait.then(self.call)
        self.assertEqual((wait.result, self.called), (5, [True]))

    def test_what_comes_later(self):
        waited = Deferred()
        wait = Wait(waited)
        wait.then(self.call)
        self.assertEqual(self.called, [])
        waited.callback(6)
        self.assertEqual((wait.result, self.called), (6, [True]))

    def test_what_fails(self):
        waited = Deferred()
        wait = Wait(waited)
        wait.then(self.call)
        waited.errback(KeyError("x"))
        self.assertEqual(self.called, [True])
        self.assertRaises(KeyError, lambda: wait.result)

    def test_nobody_waits_any_longer(self):
        given_up = []
        wait = Wait(Deferred(given_up.append))
        wait.then(self.call)
        wait.cancel()
        self.assertEqual((len(given_up), self.called), (1, []))
