"""A history whose process is killed at any moment."""

import contextlib
import os
import random
import signal
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history import reading
from acra_twisted.telemetry.history.reading import Question
from tests.support.documents import TOP
from tests.support.histories import connect, counted, shelves

#: Writes batches of ten, and tells how many are written; about half of what it writes is given up.
_WRITER = """
import itertools, sys
from acra_twisted.telemetry.history.room import Bounds
from tests.support.histories import connect, event, piece, put
connection = connect(sys.argv[1])
first = int(sys.argv[2])
for number in itertools.count(first):
    batch = [piece(10 * number + more, start=number, took=0) for more in range(9)]
    put(connection, *batch, event(number), bounds=Bounds(1 << 19, 10**18), now=0)
    print(number, flush=True)
"""


class Killed(SynchronousTestCase):
    def test_at_most_the_last_batch_is_lost(self):
        path = os.path.abspath(self.mktemp())
        number = 1
        for turn in range(6):
            writer = subprocess.Popen(
                [sys.executable, "-c", _WRITER, path, str(number)],
                stdout=subprocess.PIPE,
                cwd=TOP,
            )
            told = 0
            for _ in range(random.Random(turn).randrange(1, 120)):
                told = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
            writer.stdout.close()
            self.assertEqual(writer.wait(), -signal.SIGKILL)
            told = max([told, *map(int, rest)])
            with contextlib.closing(connect(path)) as connection:
                check = connection.execute("PRAGMA integrity_check").fetchone()
                self.assertEqual(check, ("ok",))
                self.assertEqual(shelves(connection), counted(connection))
                (newest,) = reading.search(connection, Question(limit=1)).rows
                self.assertIn(newest.start, (told, told + 1))
                last = reading.search(connection, Question(since=told, until=told, limit=20)).rows
                self.assertEqual(len(last), 9)
            number = told + 2
