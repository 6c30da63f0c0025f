"""Worker threads: started when needed, answering in the reactor, stopped."""

import gc
import sys
import threading

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.pipeline.workers import Workers, uncollected


class Reactor(Clock):
    """Keeps what other threads ask for until it is told to do it."""

    def __init__(self):
        super().__init__()
        self.asked = threading.Semaphore(0)
        self.calls = []

    def callFromThread(self, function, *args):
        self.calls.append((function, args))
        self.asked.release()

    def turn(self):
        self.asked.acquire(timeout=10)
        function, args = self.calls.pop(0)
        function(*args)


class Threads(SynchronousTestCase):
    def test_an_answer_and_a_failure(self):
        reactor = Reactor()
        workers = Workers(reactor, 1)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        workers.stop()
        done = workers.run(lambda a: (a, threading.current_thread().name), 1)
        reactor.turn()
        result, thread = self.successResultOf(done)
        self.assertEqual(result, 1)
        self.assertNotEqual(thread, threading.current_thread().name)
        done = workers.run(lambda: 1 / 0)
        reactor.turn()
        self.failureResultOf(done, ZeroDivisionError)
        workers.stop()

    def test_large_trees_are_made_without_the_collector(self):
        self.assertTrue(gc.isenabled())
        self.assertEqual(uncollected(lambda a: (a, gc.isenabled()), 1), (1, False))
        self.assertTrue(gc.isenabled())
        self.assertRaises(ZeroDivisionError, uncollected, lambda: 1 / 0)
        self.assertTrue(gc.isenabled())
