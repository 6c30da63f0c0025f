"""A question in a reactor of its own: a process asks once, so each is asked in another."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

PROGRAM = """
from twisted.internet.task import deferLater
from acra_twisted.config.ownreactor import in_own_reactor

async def ask(reactor):
    await deferLater(reactor, 0)
    {}

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
