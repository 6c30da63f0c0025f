"""One connection, and a thread while there is something to do."""

import threading

from twisted.internet import reactor  # noqa: TID251 - it has threads
from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from acra_twisted.telemetry.history.pool import OneConnection


def count(connection):
    return connection.execute("SELECT count(*) FROM event").fetchone()[0]


def identity(connection):
    return id(connection._connection)


class Life(TestCase):
    def setUp(self):
        self.before = set(threading.enumerate())
        self.pool = OneConnection(reactor, self.mktemp())
        self.addCleanup(self.pool.close)

    async def without_thread(self):
        """Wait until it has ended; a test that waits in vain is ended by its timeout."""
        while not set(threading.enumerate()) <= self.before:
            await deferLater(reactor, 0.01)

    async def test_the_thread_ends_while_there_is_nothing_to_do(self):
        """Every call to the kernel is dearer where there is another one."""
        here = threading.get_ident()
        for _ in range(5):
            self.assertEqual(await self.pool.ask(count), 0)
            self.assertNotEqual(await self.pool.call(threading.get_ident), here)
            await self.without_thread()
        # Ten have begun; the last ones may still be ending.
        self.assertLess(len(self.pool._pool.threadpool.threads), 6)
        await self.pool.call(self.pool.disconnect)

    async def test_all_threads_have_the_same_connection(self):
        found = set()
        for _ in range(3):
            found.add(await self.pool.ask(identity))
            await self.without_thread()
        self.assertEqual(len(found), 1)
        await self.pool.call(self.pool.disconnect)
        self.assertEqual(self.pool._pool.connections, {})
        self.assertEqual(await self.pool.ask(count), 0)
        await self.pool.call(self.pool.disconnect)

    async def test_one_after_the_other(self):
        running = []
        most = []

        def slow(connection):
            running.append(connection)
            most.append(len(running))
            count(connection)
            running.pop()

        await gatherResults([self.pool.ask(slow) for _ in range(50)])
        self.assertEqual(most, [1] * 50)
        await self.pool.call(self.pool.disconnect)
        await self.without_thread()

    async def test_what_fails_ends_the_thread_as_well(self):
        def fail(connection):
            raise KeyError(count(connection))

        for _ in range(3):
            with self.assertRaises(KeyError):
                await self.pool.ask(fail)
            await self.without_thread()
        await self.pool.call(self.pool.disconnect)
