"""Who is told of what, and that one that fails hurts nobody else."""

import os

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.hub import READABLE, WRITABLE, hub_of
from tests.support.sockets import Reactor


class Watching:
    def __init__(self, fails=False):
        self.events, self.lost, self.fails = [], [], fails

    def ready(self, events):
        self.events.append(events)
        if self.fails:
            raise ValueError("secret")

    def connectionLost(self, reason):
        self.lost.append(reason.type)


class Hubs(SynchronousTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.hub = hub_of(self.reactor)
        self.fds = os.pipe()
        for fd in self.fds:
            self.addCleanup(os.close, fd)

    def test_one_for_a_reactor(self):
        self.assertIs(hub_of(self.reactor), self.hub)
        self.assertIsNot(hub_of(Reactor()), self.hub)
        self.assertEqual(self.hub.logPrefix(), "-")
        self.assertGreater(self.hub.fileno(), 2)

    def test_the_reactor_knows_it_while_there_is_something_to_watch(self):
        reader, writer = Watching(), Watching()
        self.assertEqual(self.reactor.readers, [])
        self.hub.watch(self.fds[0], reader, READABLE)
        self.hub.watch(self.fds[1], writer, 0)
        self.assertEqual(self.reactor.readers, [self.hub])
        self.hub.doRead()
        self.assertEqual((reader.events, writer.events), ([], []))
        os.write(self.fds[1], b"x")
        self.hub.watch(self.fds[1], writer, WRITABLE)
        self.hub.doRead()
        self.assertEqual(set(reader.events), {READABLE})
        self.assertEqual(set(writer.events), {WRITABLE})
        for fd in (*self.fds, *self.fds):
            self.hub.forget(fd)
        self.assertEqual(self.reactor.readers, [])

    def test_the_reactor_has_its_turn_again(self):
        watching = Watching()
        self.hub.watch(self.fds[1], watching, WRITABLE)
        self.hub.doRead()
        self.assertEqual(len(watching.events), 64)

    def test_one_that_raises_is_ended_and_the_others_go_on(self):
        bad, good = Watching(fails=True), Watching()
        self.hub.watch(self.fds[0], good, READABLE)
        self.hub.watch(self.fds[1], bad, WRITABLE)
        bad.connectionLost = lambda reason: (
            bad.lost.append(reason.type),
            self.hub.forget(self.fds[1]),
        )
        os.write(self.fds[1], b"x")
        self.hub.doRead()
        self.assertEqual(bad.lost, [ValueError])
        self.assertTrue(good.events)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_when_the_reactor_stops_everybody_is_told(self):
        watching = Watching()
        self.hub.watch(self.fds[0], watching, READABLE)
        self.hub.connectionLost(Failure(OSError()))
        self.assertEqual(watching.lost, [OSError])

    def test_one_that_has_gone_meanwhile_is_not_told(self):
        first, second = Watching(), Watching()
        first.ready = lambda events: [self.hub.forget(fd) for fd in self.fds]
        second.ready = first.ready
        self.hub.watch(self.fds[0], first, READABLE)
        self.hub.watch(self.fds[1], second, WRITABLE)
        os.write(self.fds[1], b"x")
        self.hub.doRead()
        self.assertEqual(self.reactor.readers, [])
