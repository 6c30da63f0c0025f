"""Decisions about what is kept, and the pieces that are made."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.history import intake as module
from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.intake import (
    OMITTED,
    REQUESTS_AT_ONCE,
    REQUESTS_RATE,
    SLOW_EACH,
    WAITING_MAX,
    Intake,
    SlowCaps,
)
from acra_twisted.telemetry.history.pieces import Figure
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.recorded import Recorder
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import Deny
from tests.support.histories import event, records_of
from tests.support.recordings import START, record

SECOND = 10**9
MINUTE = 60 * SECOND
SLOW = Recorder(("db", 5432), 1_000_000)


def single(name="authenticate", trace_id="7" * 32, start=START, failed=False):
    span = Span(name, trace_id, "", spans.INTERNAL, start, True)
    span.end = start + 1000
    if failed:
        span.fail(spans.UNAVAILABLE, "away")
    return span


class Caps(SynchronousTestCase):
    def test_so_many_of_each_shape_minute_and_bucket(self):
        caps = SlowCaps()

        def admitted(text, took, end):
            return sum(caps.admits("d", text, took, end) for _ in range(SLOW_EACH + 5))

        self.assertEqual(admitted("a", SECOND, START), SLOW_EACH)
        self.assertEqual(admitted("b", SECOND, START), SLOW_EACH)
        self.assertEqual(admitted("a", SECOND * 13 // 10, START), SLOW_EACH)
        self.assertEqual(admitted("a", SECOND, START + 1), 0)
        self.assertEqual(admitted("a", SECOND, START + MINUTE), SLOW_EACH)
        # One that is told late does not open its minute again.
        self.assertEqual(admitted("a", SECOND, START), 0)

    def test_shapes_are_bounded(self):
        caps = SlowCaps()
        admitted = sum(caps.admits("d", str(number), SECOND, START) for number in range(10_000))
        self.assertLess(admitted, 5000)


class Kept(SynchronousTestCase):
    def setUp(self):
        self.now = START
        self.intake = Intake("acra-server", lambda: self.now)

    def kept(self):
        return [item for item in self.intake.take(10_000) if not isinstance(item, Figure)]

    def test_a_request(self):
        recorded = record(1, links=1, parent="")
        span = recorded.span
        self.intake.add_recorded(recorded)
        (piece,) = self.kept()
        self.assertEqual(
            piece[:-1],
            (
                pieces.SAMPLED,
                pieces.REQUEST,
                span.trace_id,
                span.links[0][0],
                START,
                START + 5_000_000,
                "allow",
                "",
                0,
                "client",
                "",
                "shop",
                "SELECT t",
                "SELECT ? FROM t",
            ),
        )
        names = [one["name"] for one in records_of(piece)]
        self.assertEqual(names, ["stage censor", "postgresql SELECT t", "SELECT t"])
        self.assertEqual({one["service"] for one in records_of(piece)}, {"acra-server"})

    def test_a_request_in_its_connections_trace(self):
        recorded = record(parent="a" * 16)
        self.intake.add_recorded(recorded)
        self.assertEqual(self.kept()[0].connection, recorded.span.trace_id)

    def test_sampled_requests_have_their_pace(self):
        for number in range(5000):
            self.intake.add_recorded(record(start=START + number * SECOND // 1000))
        count = len(self.kept())
        self.assertLessEqual(count, REQUESTS_AT_ONCE + 5 * REQUESTS_RATE + 1)
        self.assertGreaterEqual(count, REQUESTS_AT_ONCE + 4 * REQUESTS_RATE)
        self.assertEqual(self.intake.omitted["sampled"], 5000 - count)

    def test_refused_and_failed_ones_are_always_kept(self):
        for number in range(500):
            for outcome, changes in (
                ("denied", {"verdict": Deny("no"), "denied_by": "censor", "reason": "no"}),
                ("error", {"status_code": "42P01"}),
                ("lost", {}),
                ("ok", {"attributes": {"acra.event_code": events.POISON_RECORD}}),
            ):
                self.intake.add_recorded(record(1, outcome=outcome, start=START, **changes))
            # Each of them takes nothing from the others.
            self.intake.add_recorded(record(start=START + number))
        found = self.kept()
        always = [piece for piece in found if piece.shelf == pieces.ALWAYS]
        self.assertEqual(len(always), 2000)
        self.assertEqual(
            [(piece.verdict, piece.error, piece.event) for piece in always[:4]],
            [
                ("deny", "denied", 0),
                ("error", "42P01", 0),
                ("error", "lost", 0),
                ("allow", "", events.POISON_RECORD),
            ],
        )
        self.assertEqual(len(found) - 2000, REQUESTS_AT_ONCE)

    def test_one_that_was_given_up_is_no_failure(self):
        self.intake.add_recorded(record(outcome="aborted"))
        self.assertEqual(self.kept()[0].shelf, pieces.SAMPLED)

    def test_slow_ones_have_their_caps(self):
        for number in range(100):
            for changes in ({}, {"attributes": {"acra.containers_found": 1}}):
                self.intake.add_recorded(record(recorder=SLOW, start=START + number, **changes))
        found = self.kept()
        self.assertEqual([piece.shelf for piece in found], [pieces.SLOW] * SLOW_EACH)
        self.assertEqual(self.intake.omitted["slow"], 200 - SLOW_EACH)

    def test_other_spans_come_with_their_trace_or_by_their_pace(self):
        for _ in range(REQUESTS_AT_ONCE + 50):
            self.intake.add(single())
        # The first one has made its trace known.
        self.assertEqual(len(self.kept()), REQUESTS_AT_ONCE + 50)
        for number in range(REQUESTS_AT_ONCE + 50):
            self.intake.add(single(trace_id=f"{number:032x}"))
        self.assertEqual(len(self.kept()), REQUESTS_AT_ONCE - 1)
        self.assertEqual(self.intake.omitted["spans"], 51)
        self.intake.add(single(trace_id="8" * 32, failed=True))
        kept = single("handleConnection", trace_id="9" * 32)
        kept.kept = True
        self.intake.add(kept)
        failed, connection = self.kept()
        self.assertEqual((failed.shelf, failed.verdict), (pieces.ALWAYS, "error"))
        self.assertEqual((connection.shelf, connection.kind), (pieces.SLOW, pieces.CONNECTION))

    def test_a_clock_of_others_does_not_stop_the_pace(self):
        self.intake.add(single(trace_id="1" * 32, start=START + 10**18))
        self.intake.add(single(trace_id="2" * 32))
        self.assertEqual(len(self.kept()), 2)


class Received(SynchronousTestCase):
    def setUp(self):
        self.now = START
        self.intake = Intake("acra-server", lambda: self.now)

    def names(self):
        return [[span["name"] for span in records_of(piece)] for piece in self.intake.take(100)]

    def test_before_and_behind_the_servers_part(self):
        recorded = record()
        trace_id = recorded.span.trace_id
        for name in ("a", "b"):
            self.intake.add_received(single(name, trace_id))
        self.intake.add_received(single("elsewhere", "8" * 32))
        self.assertEqual(self.names(), [])
        self.intake.add_recorded(recorded)
        self.intake.add_received(single("c", trace_id))
        self.assertEqual(self.names(), [["postgresql SELECT t", "SELECT t"], ["a", "b"], ["c"]])

    def test_failed_ones_are_kept_in_any_case(self):
        self.intake.add_received(single("a", failed=True))
        self.intake.add_received(single("b"))
        self.assertEqual(self.names(), [])
        self.now += 5 * SECOND
        (piece,) = self.intake.take(9)
        self.assertEqual((piece.shelf, piece.verdict), (pieces.ALWAYS, "error"))
        self.assertEqual([span["name"] for span in piece.spans], ["a"])
        self.assertEqual(self.intake.omitted["received"], 1)

    def test_of_failures_that_connectors_alone_tell_of_few_are_kept(self):
        for number in range(10_000):
            self.intake.add_received(single("a", f"{number:032x}", failed=True))
        self.assertLess(len(self.intake), 250)
        self.now += 5 * SECOND
        self.assertGreater(len(self.intake.take(1000)), 100)
        self.assertGreater(self.intake.omitted["received"], 9_500)

    def test_a_failure_is_told_once(self):
        """The request fails at both daemons."""
        for outcome, expected in (("error", ["error", ""]), ("ok", ["allow", "error"])):
            recorded = record(outcome=outcome)
            self.intake.add_recorded(recorded)
            self.intake.add_received(single("a", recorded.span.trace_id, failed=True))
            found = self.intake.take(9)
            self.assertEqual([piece.verdict for piece in found], expected)
            self.assertEqual(found[1].shelf, pieces.ALWAYS)

    def test_large_ones_are_fewer(self):
        """Both those that wait for their trace, and those of a trace that is kept."""
        for number in range(1000):
            span = single("a", f"{number:032x}")
            span.attributes = {"text": "x" * 60_000}
            self.intake.add_received(span)
        self.assertGreater(self.intake.omitted["received"], 800)
        recorded = record()
        self.intake.add_recorded(recorded)
        for _ in range(1000):
            span = single("a", recorded.span.trace_id)
            span.attributes = {"text": "x" * 60_000}
            self.intake.add_received(span)
        self.assertLess(len(self.intake), 200)
        self.assertGreater(self.intake.omitted["queue_full"], 800)

    def test_they_are_bounded(self):
        for number in range(10_000):
            self.intake.add_received(single("a", f"{number:032x}"))
        self.assertEqual(self.intake.omitted["received"], 10_000 - module._EARLY_MAX)
        self.intake.add(single("server", f"{9_999:032x}"))
        self.intake.add(single("server", f"{1:032x}"))
        self.assertEqual(self.names(), [["server"], ["a"], ["server"]])


class Waiting(SynchronousTestCase):
    def setUp(self):
        self.now = START
        self.intake = Intake("acra-server", lambda: self.now)

    def test_what_waits_is_bounded_and_half_is_for_what_must_be_kept(self):
        for number in range(3 * WAITING_MAX):
            self.intake.put(event(number))
        self.assertEqual(len(self.intake), WAITING_MAX)
        self.assertEqual(self.intake.omitted["queue_full"], 2 * WAITING_MAX)
        self.intake.take(WAITING_MAX // 2)
        self.intake.add(single())
        self.assertEqual(len(self.intake), WAITING_MAX // 2)
        self.intake.add(single(failed=True))
        self.assertEqual(len(self.intake), WAITING_MAX // 2 + 1)

    def test_failures_leave_places_for_figures_and_figures_some_for_events(self):
        for number in range(2 * WAITING_MAX):
            self.intake.add(single(trace_id=f"{number:032x}", failed=True))
        self.assertEqual(len(self.intake), WAITING_MAX * 3 // 4)
        for number in range(WAITING_MAX):
            self.intake.put(Figure(60, number * 60, "k", b""))
        self.assertEqual(len(self.intake), WAITING_MAX * 7 // 8)
        for number in range(WAITING_MAX // 8):
            self.intake.put(event(number))
        self.assertEqual(len(self.intake), WAITING_MAX)
        self.assertEqual(self.intake.omitted["queue_full"], WAITING_MAX * 17 // 8)

    def test_large_ones_weigh_more(self):
        for number in range(WAITING_MAX):
            span = single(trace_id=f"{number:032x}", failed=True)
            self.intake.add(span)
        self.assertEqual(len(self.intake), WAITING_MAX * 3 // 4)
        self.intake.take(WAITING_MAX)
        for number in range(100):
            trace_id = f"{number:032x}"
            for _ in range(1000):
                self.intake.add_received(single(trace_id="f" + trace_id[1:]))
            self.intake.add(single(trace_id="f" + trace_id[1:], failed=True))
        self.assertLess(len(self.intake), 300)
        waiting = self.intake.take(1000)
        self.assertGreater(sum(len(piece.spans) for piece in waiting), 3000)
        self.assertLessEqual(max(len(piece.spans) for piece in waiting), 64)
        self.assertGreater(self.intake.omitted["queue_full"], 0)

    def test_what_was_left_out_is_a_figure_of_its_minute(self):
        for number in range(REQUESTS_AT_ONCE + 30):
            self.intake.add_recorded(record(start=START + number))
        self.assertFalse(any(isinstance(item, Figure) for item in self.intake.take(1000)))
        self.now += MINUTE
        (figure,) = self.intake.take(1000)
        minute = START // MINUTE * 60
        self.assertEqual(figure, Figure(60, minute, OMITTED, b'{"sampled": 30}'))
        self.now += MINUTE
        self.assertEqual(self.intake.take(1000), [])
