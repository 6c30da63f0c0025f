"""One question, and its connection is closed."""

from twisted.internet.defer import (
    CancelledError,
    Deferred,
    TimeoutError,
    ensureDeferred,
    fail,
    succeed,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.onequestion import ask_once
from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.queryactions import Derive, Refused
from tests.support.lookups import Channel, Client


def explained(error):
    return "no answer in time" if isinstance(error, TimeoutError) else str(error)


class Questions(SynchronousTestCase):
    def setUp(self):
        self.clock, self.channel, self.client = Clock(), Channel(), Client()
        self.plain = []

    def ask(self, connected=None):
        connected = connected or succeed(self.channel)
        more = (self.client, explained, 2.0, b"alice")
        return ensureDeferred(
            ask_once(self.clock, lambda plain: self.connect(plain, connected), *more)
        )

    def connect(self, plain, connected):
        self.plain.append(plain)
        return connected

    def test_tls_is_left_to_a_machine_that_wants_it(self):
        for plain in (False, True):
            self.client.plain = plain
            self.ask(fail(OSError("refused"))).addErrback(lambda _: None)
        self.assertEqual(self.plain, [False, True])

    def refused(self, answer):
        return str(self.failureResultOf(answer, NoAnswer).value)

    def test_an_answer(self):
        answer = self.ask()
        self.channel.receiver(b"welcome")
        self.assertEqual(self.channel.written, [b"startup", b"ask alice"])
        self.channel.receiver(b"alice=x")
        self.assertEqual(self.successResultOf(answer), ((b"alice", b"x"),))
        self.assertTrue(self.channel.aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_connection(self):
        self.assertEqual(self.refused(self.ask(fail(OSError("refused")))), "refused")

    def test_a_refusal_closes_it(self):
        answer = self.ask()
        self.channel.receiver(b"welcome")
        self.client.says[b"no"] = [Refused("permission denied")]
        self.channel.receiver(b"no")
        self.assertEqual(self.refused(answer), "permission denied")
        self.assertTrue(self.channel.aborted)

    def test_time_is_limited_for_login_and_answer(self):
        answer = self.ask()
        self.clock.advance(1.5)
        self.channel.receiver(b"welcome")
        self.clock.advance(1.5)
        self.assertNoResult(answer)
        self.clock.advance(0.5)
        self.assertEqual(self.refused(answer), "it took too long")
        self.assertTrue(self.channel.aborted)

    def test_a_login_that_is_not_answered(self):
        for problem, expected in (("", "no answer in time"), ("no proof", "no proof")):
            self.setUp()
            self.client.problem = problem
            answer = self.ask()
            self.clock.advance(2)
            self.assertEqual(self.refused(answer), expected)
            self.assertTrue(self.channel.aborted)

    def test_a_login_that_nobody_waits_for_any_longer(self):
        answer = self.ask()
        answer.cancel()
        self.failureResultOf(answer)
        self.assertTrue(self.channel.aborted)
        never = Deferred()
        answer = self.ask(never)
        answer.cancel()
        self.failureResultOf(answer, CancelledError)

    def test_a_key_is_derived_at_once(self):
        answer = self.ask()
        self.client.says[b"derive"] = [Derive(b"secret", b"salt", 20_001)]
        self.channel.receiver(b"derive")
        self.assertEqual(len(self.client.keys), 1)
        self.channel.on_lost(Failure(OSError("gone")))
        self.assertEqual(self.refused(answer), "gone")
