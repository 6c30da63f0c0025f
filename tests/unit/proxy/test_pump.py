"""One direction: ten thousand pipelined statements, waits, ends."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.errors import WireError
from acra_twisted.exchange import PARAMETERS, STATEMENT
from acra_twisted.proxy.pump import IN_A_TURN, Pump
from acra_twisted.proxy.valve import STAGE, Valve
from acra_twisted.verdicts import PASS, Hangup
from tests.support.mysqlrequests import Desk, about, said
from tests.support.sessions import FakeTransport, make_session, query


class Pumping(SynchronousTestCase):
    def pump(self, run, flow=None):
        self.session, self.transport = make_session(), FakeTransport()
        self.flushes, self.ends, self.turns = [], [], []
        self.valve = Valve(lambda: self.transport, lambda: 0.0)
        return Pump(
            flow or RequestFlow(self.session, frozenset((STATEMENT,))),
            run,
            self.valve,
            flush=lambda: self.flushes.append(self.settled),
            hang_up=self.ends.append,
            failed=self.ends.append,
            later=lambda delay, call: self.turns.append(call),
        )

    @property
    def settled(self):
        return len(self.session.outstanding)

    def test_ten_thousand_fired_deferreds_do_not_recurse(self):
        pump = self.pump(lambda work: succeed(PASS))
        pump.received(query(b"x") * 10_000)
        self.assertEqual((self.settled, self.flushes), (10_000, [10_000]))

    def test_a_wait_pauses_the_source(self):
        waiting = [Deferred(), Deferred()]
        pending = list(waiting)
        pump = self.pump(lambda work: pending.pop(0) if work.item.text == b"wait" else PASS)
        pump.received((query(b"x") + query(b"wait")) * 2 + query(b"x"))
        self.assertEqual((self.settled, self.transport.paused), (1, 1))
        pump.received(query(b"x"))
        self.assertEqual(self.settled, 1)
        waiting[0].callback(PASS)
        self.assertEqual((self.settled, self.valve.reasons), (3, {STAGE}))
        waiting[1].callback(PASS)
        self.assertEqual((self.settled, self.transport.paused), (6, 0))

    def test_it_goes_on_with_what_was_left_unless_it_waits_or_has_ended(self):
        later = Deferred()
        pump = self.pump(lambda work: later if work.item.text == b"wait" else PASS)
        pump.go_on()
        self.assertEqual(self.flushes, [0])
        pump.received(query(b"wait"))
        before = list(self.flushes)
        pump.go_on()
        later.callback(Hangup("enough"))
        after = list(self.flushes)
        pump.go_on()
        self.assertEqual(self.flushes, after)
        self.assertEqual(len(after), len(before) + 1)

    def test_hangup(self):
        pump = self.pump(lambda work: Hangup("enough"))
        pump.received(query(b"x") * 2)
        self.assertEqual((self.ends, self.settled), (["enough"], 0))
        later = Deferred()
        pump = self.pump(lambda work: later)
        pump.received(query(b"x") * 2)
        later.callback(Hangup("later"))
        self.assertEqual(self.ends, ["later"])

    def test_nothing_is_judged_when_a_stage_has_ended_the_session(self):
        judged = []
        pump = self.pump(lambda work: judged.append(work) or pump.stop() or PASS)
        pump.received(query(b"x") * 2)
        pump.received(query(b"x"))
        self.assertEqual((len(judged), self.settled), (1, 1))

    def test_errors_end_it(self):
        pump = self.pump(lambda work: PASS)
        pump.received(query(b"x") + b"?\0\0\0\4")
        self.assertEqual(self.ends[0].type, WireError)

    def test_a_verdict_after_the_end_is_dropped(self):
        later = Deferred()
        pump = self.pump(lambda work: later)
        pump.received(query(b"x"))
        pump.stop()
        self.assertFalse(pump.waiting)
        later.callback(PASS)
        self.assertEqual(self.settled, 0)

    def bulk(self, rows):
        """A pump, the rows that it has judged, and what leaves."""
        desk = Desk(inspects=(PARAMETERS,))
        desk.prepares(b"INSERT INTO t VALUES (?)", 7, 1)
        judged = []
        pump = self.pump(lambda work: judged.append(work) or PASS, desk.flow)
        data = said(about(0xFA, 7, b"\x80\0\3\0" + b"\1" * rows))
        pump.received(data)
        return pump, judged, desk.flow, data

    def test_others_have_their_turns_while_an_exchange_has_much_work(self):
        _, judged, flow, data = self.bulk(2 * IN_A_TURN + 1)
        self.assertEqual((len(judged), self.valve.reasons), (IN_A_TURN, {STAGE}))
        self.assertEqual(flow.take_output(), b"")
        self.turns.pop()()
        # The first piece of a turn is that for which it was waited.
        self.assertEqual((len(judged), self.valve.reasons), (2 * IN_A_TURN + 1, set()))
        self.assertEqual((flow.take_output(), self.turns), (data, []))

    def test_nothing_more_is_judged_in_the_turn_behind_the_end(self):
        pump, judged, _, _ = self.bulk(IN_A_TURN + 1)
        pump.stop()
        self.turns.pop()()
        self.assertEqual((len(judged), pump.waiting), (IN_A_TURN, False))
