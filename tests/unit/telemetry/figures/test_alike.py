"""Requests that are alike: each is counted for its own statement, kind, way and listener."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import STATEMENT
from acra_twisted.session import Traffic
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.buckets import PROCESSING_BUCKETS, TIME_BUCKETS
from acra_twisted.telemetry.figures.counting import MINUTE, ShapeCounter
from acra_twisted.telemetry.figures.runs import Series
from acra_twisted.telemetry.figures.tallies import Tally, Ways
from acra_twisted.telemetry.metrics.histogram import Durations
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import START, a_request, rows_of

_SESSIONS = 3
#: A session asks something, or is in another database, or its way begins anew; or somebody reads.
_STEPS = st.lists(
    st.tuples(
        st.integers(0, _SESSIONS - 1),
        st.sampled_from(["ask", "ask", "ask", "ask", "ask", "ask", "move", "anew", "read"]),
        st.integers(0, 2),
        st.sampled_from(["query", "query", "execute", "prepare"]),
        st.sampled_from(["ok", "ok", "ok", "ok", "error", "denied", "aborted", "silent", "poison"]),
        st.integers(1, 10**8),
        st.booleans(),
    ),
    max_size=60,
)


def histograms():
    """Return those of a listener."""
    return [
        Durations(bounds)
        for bounds in (TIME_BUCKETS, TIME_BUCKETS, PROCESSING_BUCKETS, PROCESSING_BUCKETS)
    ]


class Counting:
    """A counter with some sessions, the last of which is another listener's."""

    def __init__(self):
        self.counter = ShapeCounter(START)
        self.sessions = [make_session() for _ in range(_SESSIONS)]
        self.tallies = []
        self.now = {}
        listeners = [histograms(), histograms()]
        self.histograms = [one for some in listeners for one in some]
        series = [Series([one.counts for one in some]) for some in listeners]
        for number, session in enumerate(self.sessions):
            session.database = b"db0"
            session.series = series[number == _SESSIONS - 1]
            Ways(self.give).session_opened(session)

    def give(self, session):
        """Return the tally of its way: sessions share one in each database."""
        key = session.database
        if key not in self.now or self.now[key].is_over:
            self.now[key] = Tally(session.database)
            self.tallies.append(self.now[key])
        return self.now[key]

    def step(self, clock, which, step, number, kind, outcome, took, staged):
        """Make a step, and return the request if there is one."""
        session = self.sessions[which]
        if step == "move":
            session.database = b"db%d" % number
        elif step == "read":
            self.counter.settle()
        elif step == "anew":
            for tally in self.now.values():
                tally.is_over = True
        else:
            runs = [StageRun("censor", STATEMENT, PASS, clock, clock + 1)] if staged else None
            attributes = {"acra.poison_records": 1} if outcome == "poison" else None
            times = {
                "denied": (0, 0, took),
                "silent": (took // 3, 0, took),
            }.get(outcome, (took // 3, took // 2, took))
            return a_request(
                session,
                b"SELECT %d FROM t%d" % (took, number),
                kind,
                clock,
                times,
                outcome="ok" if outcome in ("silent", "poison") else outcome,
                attributes=attributes,
                stage_runs=runs,
                rows=number,
                in_transaction=staged,
                traffic=Traffic(took, 2, 3, number),
            )
        return None

    def counted(self):
        """Return all that was counted."""
        self.counter.settle()
        pages = self.counter.calls.page(START + 10**12)
        rows = {key: row.as_json() for key, row in rows_of(self.counter).items()}
        series = [(one.counts.sparse(), one.counts.total) for one in self.histograms]
        return pages, rows, [tally.row().as_json() for tally in self.tallies], series


class Alikes(SynchronousTestCase):
    @given(_STEPS)
    def test_each_request_is_counted_where_it_belongs(self, steps):
        together, alone = Counting(), Counting()
        run = []

        def tell():
            together.counter.exchanges_closed(run)
            run.clear()

        for clock, step in enumerate(steps, START):
            if step[1] != "ask":
                # Sessions move, and ways begin anew, between two runs.
                tell()
            request = together.step(clock, *step)
            if request is not None:
                run.append(request)
                alone.counter.exchange_closed(alone.step(clock, *step))
            else:
                alone.step(clock, *step)
        tell()
        self.assertEqual(together.counted(), alone.counted())

    @given(_STEPS, st.integers(4, 9))
    def test_many_that_are_alike_are_counted_where_they_belong(self, steps, times):
        together, alone = Counting(), Counting()
        for clock, step in enumerate(steps, START):
            for counting in (together, alone):
                run = [counting.step(clock, *step) for _ in range(times)]
                if run[0] is None:
                    continue
                if counting is together:
                    counting.counter.exchanges_closed(run)
                else:
                    for request in run:
                        counting.counter.exchange_closed(request)
        self.assertEqual(together.counted(), alone.counted())

    def test_requests_of_many_shapes_are_held_and_none_is_lost(self):
        counting = Counting()
        for _ in range(2):
            for number in range(150):
                text = b"SELECT a FROM t%d" % number
                run = [a_request(counting.sessions[0], text) for _ in range(10)]
                counting.counter.exchanges_closed(run)
        counting.counter.settle()
        self.assertEqual(sum(tally.calls for tally in counting.tallies), 3000)
        rows = rows_of(counting.counter).values()
        self.assertEqual([(row.calls, row.layers["whole"].count) for row in rows], [(20, 20)] * 150)

    def test_what_is_read_of_a_statement_fits_together(self):
        """Requests that are held are held with their times."""
        counting = Counting()
        for number in range(20):
            outcomes = ["ok"] * (number % 7) + ["error"] * (number % 2)
            counting.counter.exchanges_closed(
                [a_request(counting.sessions[0], b"SELECT 1", outcome=one) for one in outcomes]
            )
            for counted in counting.counter.minute.counted:
                row = counted.figures()
                times = row.layers["whole"].count if "whole" in row.layers else 0
                self.assertEqual(row.calls, times)

    def test_a_minute_that_begins_has_nothing_of_the_one_before(self):
        counting = Counting()
        for minute in (0, 1):
            run = [
                a_request(counting.sessions[0], b"SELECT 1", opened=START + minute * MINUTE)
                for _ in range(10 + minute)
            ]
            counting.counter.exchanges_closed(run)
        rows = rows_of(counting.counter)
        self.assertEqual([row.calls for row in rows.values()], [10, 11])
        self.assertEqual([row.layers["whole"].count for row in rows.values()], [10, 11])

    def test_a_session_moves_within_a_run(self):
        counting = Counting()
        session = counting.sessions[0]
        for number in (0, 0, 1, 1, 0):
            session.database = b"db%d" % number
            counting.counter.take(a_request(session, b"SELECT 1"))
        counting.counter.settle()
        calls = [(one.name, one.calls) for one in counting.tallies]
        self.assertEqual(calls, [(b"db0", 3), (b"db1", 2)])

    def test_a_way_that_is_over_is_counted_no_longer(self):
        counting = Counting()
        for _ in range(2):
            for _ in range(3):
                counting.counter.take(a_request(counting.sessions[0], b"SELECT 1"))
            counting.counter.settle()
            counting.step(START, 0, "anew", 0, "query", "ok", 1, False)
        self.assertEqual([tally.calls for tally in counting.tallies], [3, 3])

    def test_what_went_wrong_is_counted_by_way(self):
        counting = Counting()
        for outcome in ("ok", "error", "lost", "denied", "aborted", "denied"):
            counting.counter.take(a_request(counting.sessions[0], b"SELECT 1", outcome=outcome))
        counting.counter.settle()
        (tally,) = counting.tallies
        self.assertEqual((tally.calls, tally.errors, tally.denied), (6, 2, 2))
        self.assertEqual(tally.row().layers["whole"].count, 5)

    def test_listeners_that_share_a_way_have_their_own_histograms(self):
        counting = Counting()
        for session in counting.sessions:
            counting.counter.take(a_request(session, b"SELECT 1"))
        counting.counter.settle()
        first, second = counting.histograms[0], counting.histograms[4]
        self.assertEqual((first.counts.total, second.counts.total), (60, 30))

    def test_a_shape_by_more_ways_than_are_known_loses_nothing(self):
        counting = Counting()
        session = counting.sessions[0]
        for _ in range(400):
            session.way = None
            session.series = Series([one.counts for one in histograms()])
            counting.counter.take(a_request(session, b"SELECT 1"))
        counting.counter.settle()
        ((_, row),) = rows_of(counting.counter).items()
        self.assertEqual((row.calls, row.layers["whole"].count), (400, 400))
        self.assertEqual(sum(tally.calls for tally in counting.tallies), 400)

    def test_what_comes_in_turns_is_gathered_once_each(self):
        """Two kinds of requests, at two listeners, in one run."""
        counting = Counting()
        gathering = []
        for number in range(40):
            session = counting.sessions[number % _SESSIONS]
            for kind in ("query", "execute"):
                counting.counter.take(a_request(session, b"SELECT 1", kind))
                gathering.append(session.figures)
        self.assertEqual(len(set(map(id, gathering))), 4)
        counting.counter.settle()
        calls = [tally.calls for tally in counting.tallies]
        self.assertEqual(sum(calls), 80)
