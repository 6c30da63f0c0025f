"""Each listener is told of its own events, and one that fails hurts nobody else."""

import os

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.exchange import STATEMENT
from acra_twisted.proxy.pump import Pump
from acra_twisted.proxy.valve import Valve
from acra_twisted.transport.native.hub import READABLE, WRITABLE, Hub, Watched
from acra_twisted.verdicts import PASS
from tests.support.sessions import FakeTransport, make_session, query
from tests.support.sockets import Reactor


class Watching(Watched):
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
        self.now = 0.0
        self.hub = Hub(self.reactor, clock=lambda: self.now)
        self.fds = os.pipe()
        for fd in self.fds:
            self.addCleanup(os.close, fd)

    def test_a_reader_for_the_reactor(self):
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
        self.assertEqual(len(watching.events), 256)
        # Or after two milliseconds, whichever is first.
        watching.ready = lambda events: setattr(self, "now", self.now + 0.0005)
        self.hub.doRead()
        self.assertEqual(self.now, 0.0025)

    def test_it_keeps_the_floor_while_something_comes(self):
        told = []

        class Echoing(Watching):
            def ready(self, events):
                told.append(os.read(fds[0], 1))
                if len(told) < 5:
                    os.write(fds[1], b"x")

        fds = self.fds
        self.hub.watch(fds[0], Echoing(), READABLE)
        os.write(fds[1], b"x")
        self.hub.doRead()
        self.assertEqual(len(told), 5)

    def test_busy_it_asks_again_and_again(self):
        polled = []

        def now():
            self.now += 0.00001
            return self.now

        def poll(wait, most):
            polled.append((wait, most))
            return [(self.fds[0], READABLE)] if len(polled) in (1, 5) else []

        hub = Hub(self.reactor, clock=now)
        hub.busy, hub._poll = 0.0001, poll
        hub.watch(self.fds[0], Watching(), READABLE)
        hub.doRead()
        # Nothing is waited for where there was nothing to begin with, and soon nothing is asked.
        asked = [(0.0, 32)] * 5, [(0.0, 32)] * 9 + [(0.001, 32)]
        self.assertEqual(polled, asked[0] + asked[1])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_busy_it_does_not_let_the_reactor_sleep_while_something_comes(self):
        watching, hub = Watching(), self.hub
        hub.busy = 0.0001
        hub.watch(self.fds[1], watching, WRITABLE)
        hub.doRead()
        hub.doRead()
        self.assertEqual(len(watching.events), 512)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        hub._clock = iter(range(1000)).__next__
        watching.ready = lambda events: hub.watch(self.fds[1], watching, 0)
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        hub.watch(self.fds[1], watching, WRITABLE)
        watching.ready = lambda events: hub.forget(self.fds[1])
        hub.doRead()
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_busy_it_does_not_keep_a_thread_waiting(self):
        waits, hub = [], self.hub

        def poll(wait, most):
            waits.append(wait)
            return [(self.fds[1], WRITABLE)] if len(waits) == 1 else []

        hub.busy, hub._poll = 0.0001, poll
        hub.watch(self.fds[1], Watching(), WRITABLE)
        hub.expect(1)
        hub.doRead()
        self.reactor.advance(0)
        self.assertEqual(waits, [0.0, 0.0])

    def test_what_the_reactor_is_asked_for_is_not_kept_waiting(self):
        done = []

        class Asking(Watching):
            def ready(self, events):
                super().ready(events)
                hub.soon(done.append, "soon")

        hub, asking = self.hub, Asking()
        hub.watch(self.fds[1], asking, WRITABLE)
        hub.doRead()
        self.assertEqual((len(asking.events), done), (1, []))
        self.reactor.advance(0)
        self.assertEqual(done, ["soon"])
        hub.expect(1)
        asking.ready = asking.events.append
        hub.doRead()
        self.assertEqual(len(asking.events), 2)
        hub.expect(-1)
        hub.doRead()
        self.assertGreater(len(asking.events), 3)

    def test_a_stage_that_waits_for_the_reactor_has_its_answer_in_the_next_turn(self):
        """As one does that asks a web service: other sessions do not keep the answer waiting."""
        for told, turns in ((self.hub.expect, 2), (lambda count: None, 257)):
            asked = Deferred()
            pump = Pump(
                RequestFlow(make_session(), frozenset((STATEMENT,))),
                lambda work, asked=asked: asked,
                Valve(FakeTransport, lambda: 0.0),
                flush=lambda: None,
                hang_up=self.fail,
                failed=self.fail,
                expect=told,
            )
            busy = Watching()

            def ready(events, busy=busy, pump=pump):
                busy.events.append(events)
                if len(busy.events) == 1:
                    pump.received(query(b"x"))

            busy.ready = ready
            self.hub.watch(self.fds[1], busy, WRITABLE)
            self.reactor.callLater(0, asked.callback, PASS)
            self.hub.doRead()
            self.assertEqual(len(busy.events), turns - 1)
            self.reactor.advance(0)
            self.assertFalse(pump.waiting)

    def test_one_that_raises_is_ended_and_the_others_go_on(self):
        bad, good = Watching(fails=True), Watching()
        self.hub.watch(self.fds[0], good, READABLE)
        self.hub.watch(self.fds[1], bad, WRITABLE)

        def lost(reason):
            bad.lost.append(reason.type)
            self.hub.forget(self.fds[1])

        bad.connectionLost = lost
        os.write(self.fds[1], b"x")
        self.hub.doRead()
        self.assertEqual(bad.lost, [ValueError])
        self.assertTrue(good.events)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_writes_are_held_back_until_everybody_has_been_told(self):
        hub, order = self.hub, []

        class Holding(Watching):
            def ready(self, events):
                order.append(("told", hub.holding))
                hub.hold(self)
                hub.forget(self.fd)

            def flush(self):
                order.append(("flushed", hub.holding))
                return True

        for fd in self.fds:
            holding = Holding()
            holding.fd = fd
            hub.watch(fd, holding, READABLE | WRITABLE)
        os.write(self.fds[1], b"x")
        self.assertFalse(hub.holding)
        hub.doRead()
        self.assertEqual(order, [("told", True)] * 2 + [("flushed", False)] * 2)

    def test_so_many_are_told_before_the_first_flush_and_no_more(self):
        hub, told, waits = self.hub, [], []

        class Holding(Watching):
            def ready(self, events):
                told.append(self)
                hub.hold(self)

            def flush(self):
                waits.append(len(told))
                return True

        for _ in range(50):
            ends = os.pipe()
            for fd in ends:
                self.addCleanup(os.close, fd)
            hub.watch(ends[1], Holding(), WRITABLE)
            self.addCleanup(hub.forget, ends[1])
        hub.doRead()
        self.assertEqual(waits[:33], [32] * 32 + [64])
        self.assertEqual(len(set(told)), 50)

    def test_one_whose_flush_raises_is_ended_and_the_others_go_on(self):
        hub, lost, flushed = self.hub, [], []

        class Failing(Watching):
            def ready(self, events):
                hub.hold(self)
                hub.forget(self.fd)

            def flush(self):
                flushed.append(self)
                raise ValueError("secret")

            def connectionLost(self, reason):
                lost.append(reason.type)

        for fd in self.fds:
            failing = Failing()
            failing.fd = fd
            hub.watch(fd, failing, READABLE | WRITABLE)
        os.write(self.fds[1], b"x")
        hub.doRead()
        self.assertEqual((len(flushed), lost), (2, [ValueError] * 2))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)

    def test_what_nobody_waits_for_is_done_behind_what_was_held_back(self):
        hub, order = self.hub, []

        def failing():
            order.append(("first", hub.holding))
            raise ValueError("secret")

        class Holding(Watching):
            def ready(self, events):
                hub.afterwards(failing)
                hub.afterwards(lambda: order.append(("second", hub.holding)))
                hub.hold(self)
                order.append(("told", hub.holding))
                hub.forget(fd)

            def flush(self):
                order.append(("flushed", hub.holding))
                return True

        fd = self.fds[1]
        hub.watch(fd, Holding(), WRITABLE)
        hub.doRead()
        expected = [("told", True), ("flushed", False), ("first", False), ("second", False)]
        self.assertEqual(order, expected)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        hub.afterwards(lambda: order.append("at once"))
        self.assertEqual(order[4:], ["at once"])

    def test_when_the_reactor_stops_everybody_is_told(self):
        watching = Watching()
        self.hub.watch(self.fds[0], watching, READABLE)
        self.hub.connectionLost(Failure(OSError()))
        self.assertEqual(watching.lost, [OSError])

    def test_one_that_has_gone_meanwhile_is_not_told(self):
        first, second = Watching(), Watching()

        def forget_both(events):
            for fd in self.fds:
                self.hub.forget(fd)

        first.ready = second.ready = forget_both
        self.hub.watch(self.fds[0], first, READABLE)
        self.hub.watch(self.fds[1], second, WRITABLE)
        os.write(self.fds[1], b"x")
        self.hub.doRead()
        self.assertEqual(self.reactor.readers, [])
