"""A question in a reactor of its own: a process asks once, so each is asked in another."""

import signal
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

PROGRAM = """
import os, signal
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from acra_twisted.config.ownreactor import in_own_reactor

async def never(reactor, number):
    signal.raise_signal(number)
    try:
        await Deferred()
    finally:
        print("it ends")

async def ask(reactor):
    await deferLater(reactor, 0)
    {}

# Whoever runs the tests may ignore interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
print(in_own_reactor(ask))
"""


class Own(SynchronousTestCase):
    def run_with(self, line):
        return subprocess.run(
            [sys.executable, "-c", PROGRAM.format(line)], capture_output=True, text=True
        )

    def test_the_answer_is_given(self):
        done = self.run_with("return 'an answer'")
        self.assertEqual((done.returncode, done.stdout), (0, "an answer\n"))

    def test_what_is_raised_is_raised(self):
        done = self.run_with("raise LookupError('nothing there')")
        self.assertEqual(done.returncode, 1)
        self.assertIn("LookupError: nothing there", done.stderr)

    def test_an_interrupt_ends_what_is_asked(self):
        done = self.run_with("await never(reactor, signal.SIGINT)")
        self.assertEqual((done.returncode, done.stdout), (-signal.SIGINT, "it ends\n"))
        self.assertIn("KeyboardInterrupt", done.stderr)

    def test_an_answer_in_spite_of_an_interrupt(self):
        done = self.run_with("signal.raise_signal(signal.SIGINT); return 'an answer'")
        self.assertEqual((done.returncode, done.stdout), (0, "an answer\n"))

    def test_interrupts_are_taken_as_before_once_it_is_over(self):
        after = "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
        done = subprocess.run(
            [sys.executable, "-c", f"{PROGRAM.format('return 1')}\n{after}"],
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.stdout, "1\nTrue\n")
