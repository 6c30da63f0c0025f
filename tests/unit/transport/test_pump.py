"""One direction: ten thousand pipelined statements, waits, ends."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.model import Exchange, Work
from acra_twisted.transport.pump import Pump
from acra_twisted.transport.valve import STAGE, Valve
from acra_twisted.verdicts import PASS, Hangup
from tests.support.sessions import FakeTransport, make_session


class Flow:
    """Each byte that it is fed is a Work, whose item it is."""

    exchange = Exchange(make_session(), "query", None, 1)

    def __init__(self):
        self.works = []
        self.settled = []

    def feed(self, data):
        self.works += data

    def begin(self, data):
        self.feed(data)
        return self.next_work()

    def next_work(self):
        if self.works and self.works[0] == 255:
            raise WireError("client", "bad")
        return Work("byte", self.works.pop(0), self.exchange) if self.works else None

    def settle(self, work, verdict):
        self.settled.append((work, verdict))


class Pumping(SynchronousTestCase):
    def pump(self, run):
        self.flow, self.transport = Flow(), FakeTransport()
        self.flushes, self.ends = [], []
        self.valve = Valve(lambda: self.transport, lambda: 0.0)
        return Pump(
            self.flow,
            run,
            self.valve,
            flush=lambda: self.flushes.append(len(self.flow.settled)),
            hang_up=self.ends.append,
            failed=self.ends.append,
        )

    def test_ten_thousand_fired_deferreds_do_not_recurse(self):
        pump = self.pump(lambda work: succeed(PASS))
        pump.received(b"x" * 10_000)
        self.assertEqual((len(self.flow.settled), self.flushes), (10_000, [10_000]))

    def test_a_wait_pauses_the_source(self):
        waiting = [Deferred(), Deferred()]
        pending = list(waiting)
        pump = self.pump(lambda work: pending.pop(0) if work.item == 1 else PASS)
        pump.received(b"\0\1\0\1\0")
        self.assertEqual((len(self.flow.settled), self.transport.paused), (1, 1))
        pump.received(b"\0")
        self.assertEqual(len(self.flow.settled), 1)
        waiting[0].callback(PASS)
        self.assertEqual((len(self.flow.settled), self.valve.reasons), (3, {STAGE}))
        waiting[1].callback(PASS)
        self.assertEqual((len(self.flow.settled), self.transport.paused), (6, 0))

    def test_hangup(self):
        pump = self.pump(lambda work: Hangup("enough"))
        pump.received(b"\0\0")
        self.assertEqual((self.ends, self.flow.settled), (["enough"], []))
        later = Deferred()
        pump = self.pump(lambda work: later)
        pump.received(b"\0\0")
        later.callback(Hangup("later"))
        self.assertEqual(self.ends, ["later"])

    def test_errors_end_it(self):
        pump = self.pump(lambda work: PASS)
        pump.received(b"\0\xff")
        self.assertEqual(self.ends[0].type, WireError)

    def test_a_verdict_after_the_end_is_dropped(self):
        later = Deferred()
        pump = self.pump(lambda work: later)
        pump.received(b"\0")
        pump.stop()
        later.callback(PASS)
        self.assertEqual(self.flow.settled, [])
