"""Runs of requests: what they count is what one request after the other counts."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import ROWS, STATEMENT
from acra_twisted.session import Traffic
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.counting import MINUTE, SHAPES_MAX, ShapeCounter
from acra_twisted.telemetry.figures.tallies import Tally, Ways
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import START, a_request, rows_of

_RUNS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 3),
        st.integers(0, MINUTE),
        st.integers(1, 10**10),
        st.sampled_from(["ok", "ok", "ok", "error", "denied", "lost", "aborted"]),
        st.sampled_from(["query", "execute", "prepare", "startup"]),
        st.lists(st.sampled_from(["censor", "decryptor"]), max_size=3),
    ),
    max_size=40,
)


class Counter:
    """A counter with two sessions, each of which has its own way."""

    def __init__(self):
        self.counter = ShapeCounter(START)
        self.ways = (Tally(), Tally())
        self.sessions = [make_session(), make_session()]
        for session, way in zip(self.sessions, self.ways, strict=True):
            Ways(lambda _, way=way: way).session_opened(session)

    def request(self, clock, which, number, took, outcome, kind, stages):
        """Return a request that ends when the clock says."""
        opened = clock - took
        at = (0, 0, took) if outcome == "denied" else (took // 3, took // 2, took)
        runs = [
            StageRun(stage, ROWS if place else STATEMENT, PASS, opened, opened + place)
            for place, stage in enumerate(stages)
        ]
        return a_request(
            self.sessions[which],
            None if kind == "startup" else b"SELECT 7 FROM t%d" % number,
            kind,
            opened,
            at,
            outcome=outcome,
            stage_runs=runs or None,
            traffic=Traffic(1, number, 3, took),
        )

    def counted(self):
        """Return all that was counted."""
        calls = self.counter.calls.page(START + 10**6 * MINUTE)
        rows = {key: row.as_json() for key, row in rows_of(self.counter).items()}
        return calls, rows, [way.row().as_json() for way in self.ways]


def _no_way(session):
    raise LookupError


class Runs(SynchronousTestCase):
    @given(_RUNS)
    def test_a_run_counts_as_its_requests_do_one_by_one(self, requests):
        together, alone = Counter(), Counter()
        clock, run = START, []
        for which, number, step, took, *others in requests:
            clock += step
            run.append(together.request(clock, which, number, took, *others))
            alone.counter.exchange_closed(alone.request(clock, which, number, took, *others))
        together.counter.exchanges_closed(run)
        self.assertEqual(together.counted(), alone.counted())

    def test_one_that_cannot_be_counted_is_logged_and_the_others_are_counted(self):
        counter = Counter()
        requests = [counter.request(START, 0, 1, 9, "ok", "query", []) for _ in range(3)]
        requests[1] = counter.request(START, 1, 1, 9, "ok", "query", [])
        Ways(_no_way).session_opened(counter.sessions[1])
        counter.counter.exchanges_closed(requests)
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
        ((_, row),) = rows_of(counter.counter).items()
        self.assertEqual((row.calls, row.layers["whole"].count), (2, 2))

    def test_shapes_that_make_room_within_a_run_lose_nothing(self):
        counter = Counter()
        run = [
            counter.request(START, 0, number, 9, "ok", "query", [])
            for number in range(SHAPES_MAX + 50)
        ]
        counter.counter.exchanges_closed(run)
        rows = rows_of(counter.counter).values()
        self.assertEqual(sum(row.calls for row in rows), SHAPES_MAX + 50)
        self.assertEqual(sum(row.layers["whole"].count for row in rows), SHAPES_MAX + 50)
