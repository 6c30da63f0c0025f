"""Each listener is told of its own events, and one that fails hurts nobody else."""

import itertools
import os
from threading import Thread
from time import sleep

from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone, ConnectionLost
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
        self.hub = Hub(self.reactor)
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
        self.hub.doRead()
        self.assertEqual(len(watching.events), 2)

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


class Descriptor:
    """One of the reactor's own; it is told of each byte in a pipe."""

    def __init__(self, told):
        self.ends = os.pipe()
        self.told = told

    def fileno(self):
        return self.ends[0]

    def logPrefix(self):
        return "-"

    def doRead(self):
        self.told.append(os.read(self.ends[0], 1))

    def connectionLost(self, reason):
        pass


class Unlisting:
    """A reactor with other private names than Twisted's of today."""

    def __init__(self, reactor, without):
        self._poller = reactor._poller
        self._reactor = reactor
        self._without = without
        for name in {"_newTimedCalls", "_pendingTimedCalls"} - {without}:
            setattr(self, name, [])

    def __getattr__(self, name):
        if name == self._without:
            raise AttributeError(name)
        return getattr(self._reactor, name)


class Reactors(SynchronousTestCase):
    """A reactor that waits by epoll waits at the hub, without a time limit in these tests: each
    ends because the wait does."""

    def setUp(self):
        reactor = self.reactor = EPollReactor()
        self.told = []
        looks = itertools.count(1)
        # Each look at the clock takes 30 microseconds.
        self.hub = Hub(reactor, clock=lambda: next(looks) / 32768)
        self.own = Descriptor(self.told)
        self.fds = os.pipe()
        for fd in (*self.fds, *self.own.ends):
            self.addCleanup(os.close, fd)
        reactor.addReader(self.own)
        self.addCleanup(reactor.waker.connectionLost, Failure(ConnectionDone()))

    def watch(self, ready, hub=None, fds=None):
        """Have ``ready`` called with each byte that comes."""
        fds, watching = fds or self.fds, Watching()
        watching.ready = lambda events: ready(os.read(fds[0], 1))
        (hub or self.hub).watch(fds[0], watching, READABLE)
        os.write(fds[1], b"a")
        return watching

    def turn(self):
        """Do what the reactor's loop does, which has looked for its next timer."""
        self.reactor.doIteration(self.reactor.timeout())
        self.reactor.runUntilCurrent()

    def wake(self, data):
        os.write(self.own.ends[1], data)

    def test_one_wait_serves_sockets_and_descriptors_of_the_reactor(self):
        def ready(data):
            self.told.append(data)
            if len(self.told) < 300:
                os.write(self.fds[1], b"b")
            else:
                self.wake(b"r")

        self.watch(ready)
        self.turn()
        self.assertEqual(self.told, [b"a"] + [b"b"] * 299 + [b"r"])

    def test_a_descriptor_of_the_reactor_has_its_turn_while_sockets_talk(self):
        def ready(data):
            self.told.append(data)
            os.write(self.fds[1], b"b")

        self.watch(ready)
        self.wake(b"r")
        self.turn()
        self.assertEqual(self.told, [b"a", b"r"])

    def test_so_has_a_timer(self):
        def ready(data):
            self.told.append(data)
            os.write(self.fds[1], b"b")
            if len(self.told) == 1:
                self.reactor.callLater(0, self.told.append, "timer")

        self.watch(ready)
        self.turn()
        self.assertEqual(self.told, [b"a", "timer"])

    def test_so_has_a_timer_of_a_reactor_that_does_not_show_its_own(self):
        for name in ("_newTimedCalls", "_pendingTimedCalls"):
            with self.subTest(name):
                self.told.clear()
                other, fds = Unlisting(self.reactor, name), os.pipe()
                for fd in fds:
                    self.addCleanup(os.close, fd)
                hub = Hub(other, clock=lambda: 0.0)

                def ready(data, fds=fds, other=other):
                    self.told.append(data)
                    os.write(fds[1], b"b")
                    if len(self.told) == 1:
                        other.callLater(0, self.told.append, "timer")

                self.watch(ready, hub, fds)
                other.doIteration(None)
                other.runUntilCurrent()
                self.assertEqual(self.told, [b"a", "timer"])

    def test_so_has_a_timer_that_is_moved(self):
        timer = self.reactor.callLater(60, self.told.append, "timer")

        def ready(data):
            self.told.append(data)
            os.write(self.fds[1], b"b")
            if len(self.told) == 1:
                timer.reset(0)

        self.watch(ready)
        self.turn()
        self.assertEqual(self.told, [b"a", "timer"])

    def test_so_has_a_timer_that_is_moved_before_another(self):
        self.reactor.callLater(60, self.fail)
        timer = self.reactor.callLater(70, self.told.append, "timer")

        def ready(data):
            self.told.append(data)
            os.write(self.fds[1], b"b")
            if len(self.told) == 1:
                timer.reset(0)

        self.watch(ready)
        self.turn()
        self.assertEqual(self.told, [b"a", "timer"])

    def test_a_timer_that_is_due_has_its_turn_while_sockets_talk(self):
        def ready(data):
            self.told.append(data)
            os.write(self.fds[1], b"b")

        self.watch(ready)
        # A timer is due in a millisecond, and each look at the clock takes 30 microseconds.
        self.reactor.doIteration(0.001)
        self.assertEqual(len(self.told), 33)

    def test_the_reactor_has_no_turn_while_its_timers_are_the_same(self):
        asked, timeout = [], self.reactor.timeout
        later = self.reactor.callLater(60, self.fail)
        self.reactor.callLater(50, self.fail)

        def ready(data):
            self.told.append(data)
            later.reset(70)
            if len(self.told) < 99:
                os.write(self.fds[1], b"b")
            else:
                self.wake(b"r")

        self.watch(ready)
        self.reactor.timeout = lambda: asked.append(len(self.told)) or timeout()
        self.turn()
        self.assertEqual((asked, len(self.told)), ([0], 100))

    def test_a_wait_lasts_until_something_comes_or_the_next_timer_is_due(self):
        looks = itertools.count()
        hub = Hub(self.reactor, clock=lambda: next(looks) / 32768)
        self.watch(self.told.append, hub)
        self.reactor.callLater(60, self.fail)

        def talk():
            for _ in range(20):
                sleep(0.003)
                os.write(self.fds[1], b"b")
            self.wake(b"r")

        thread = Thread(target=talk)
        thread.start()
        self.addCleanup(thread.join)
        while b"r" not in self.told:
            self.turn()
        # Once for the turn, and once behind each wait.
        self.assertLess(next(looks), 30)

    def test_nothing_is_waited_for_while_a_timer_is_due(self):
        self.watch(self.told.append)
        self.reactor.callLater(60, self.fail)
        for _ in range(2):
            self.reactor.doIteration(0)
        self.assertEqual(self.told, [b"a"])

    def test_a_timer_ends_the_wait(self):
        def ready(data):
            self.reactor.callLater(0.001, self.told.append, "timer")

        self.watch(ready)
        while not self.told:
            self.turn()
        self.assertEqual(self.told, ["timer"])

    def test_a_thread_ends_the_wait(self):
        def ready(data):
            thread = Thread(target=self.reactor.callFromThread, args=(self.told.append, data))
            thread.start()
            self.addCleanup(thread.join)

        self.watch(ready)
        self.turn()
        self.assertEqual(self.told, [b"a"])

    def test_what_is_asked_of_the_reactor_comes_in_its_next_turn(self):
        def ready(data):
            self.hub.soon(self.told.append, data)
            self.assertEqual(self.told, [])
            os.write(self.fds[1], b"b")

        self.watch(ready)
        self.turn()
        self.assertEqual(self.told, [b"a"])

    def test_a_stage_that_waits_for_the_reactor_has_its_answer_in_the_next_turn(self):
        """Other sessions do not keep the answer waiting, as that of a web service."""
        asked = Deferred()
        pump = Pump(
            RequestFlow(make_session(), frozenset((STATEMENT,))),
            lambda work: asked,
            Valve(FakeTransport, lambda: 0.0),
            flush=lambda: None,
            hang_up=self.fail,
            failed=self.fail,
            later=self.fail,
        )

        def ready(data):
            pump.received(query(b"x"))
            self.told.append(pump.waiting)
            os.write(self.fds[1], b"b")

        self.own.doRead = lambda: asked.callback(PASS)
        self.watch(ready)
        self.wake(b"r")
        self.turn()
        self.assertEqual((self.told, pump.waiting), ([True], False))

    def test_without_sockets_it_waits_for_the_reactor_alone(self):
        self.watch(lambda data: self.hub.forget(self.fds[0]))
        self.wake(b"1")
        self.turn()
        self.wake(b"2")
        self.turn()
        self.assertEqual(self.told, [b"1", b"2"])
        self.watch(self.told.append)
        self.wake(b"3")
        self.turn()
        self.assertEqual(self.told, [b"1", b"2", b"a", b"3"])

    def test_a_second_hub_is_watched_as_any_descriptor_is(self):
        fds, second = os.pipe(), Hub(self.reactor)
        for fd in fds:
            self.addCleanup(os.close, fd)
        self.watch(self.told.append)
        self.watch(self.told.append, second, fds)
        self.assertIn(second, self.reactor.getReaders())
        self.turn()
        self.assertEqual(self.told, [b"a", b"a"])
        second.forget(fds[0])
        self.assertNotIn(second, self.reactor.getReaders())

    def test_when_the_reactor_stops_everybody_is_told(self):
        watching = self.watch(self.told.append)
        self.reactor.fireSystemEvent("shutdown")
        self.assertEqual(watching.lost, [ConnectionLost])

    def busy(self, at):
        """A hub that asks for 10 events before it waits.  ``at`` has what is done at which of its
        looks at the clock."""
        looks = itertools.count(1)

        def clock():
            look = next(looks)
            at.get(look, lambda: None)()
            return look * 0.00001

        return Hub(self.reactor, busy=0.0001, clock=clock), looks

    def test_busy_it_asks_again_and_again_when_a_socket_has_talked(self):
        hub, looks = self.busy(
            {5: lambda: os.write(self.fds[1], b"b"), 12: lambda: self.wake(b"s")}
        )
        self.watch(self.told.append, hub)
        self.wake(b"r")
        self.turn()
        # Nothing is asked for where there was nothing to begin with.
        self.assertEqual((self.told, next(looks)), ([b"a", b"r"], 2))
        self.reactor.callLater(60, self.fail)
        self.turn()
        self.assertEqual(self.told, [b"a", b"r", b"b", b"s"])

    def test_busy_it_waits_in_the_end(self):
        hub, looks = self.busy({})
        self.watch(self.told.append, hub)
        self.reactor.callLater(0.001, self.wake, b"r")
        while self.told != [b"a", b"r"]:
            self.turn()
        self.assertLess(next(looks), 200)
