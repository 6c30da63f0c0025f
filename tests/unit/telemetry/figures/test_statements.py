"""Figures from the request to the page, whatever has been encoded already."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.statements import StatementFigures
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import START, a_request


class LazyTurns:
    """Runs a job as far as it is told to."""

    def __init__(self):
        self.job = None

    def add(self, job):
        self.job = job

    def run(self, steps=1 << 30):
        while self.job is not None and steps:
            steps -= 1
            if not self.job.step():
                self.job.rest()
                self.job = None


def added(figures, since=0, until=1 << 40):
    *_, found = figures.total(since, until)
    return {one.shape.text: one.row.calls for one in found.values()}


class Figures(SynchronousTestCase):
    def setUp(self):
        self.turns = LazyTurns()
        self.figures = StatementFigures(START, self.turns)
        self.session = make_session()

    def ask(self, minute=0, table=b"t", count=1):
        for _ in range(count):
            request = a_request(
                self.session, b"SELECT a FROM " + table, opened=START + minute * MINUTE
            )
            self.figures.counter.exchange_closed(request)

    def test_the_minute_at_hand_is_shown(self):
        self.ask(count=3)
        self.assertEqual(added(self.figures), {"SELECT a FROM t": 3})
        self.assertEqual(added(self.figures, 0, 1000), {})
        self.assertEqual(added(self.figures, 1001), {})

    def test_nothing_yet(self):
        self.assertEqual(added(self.figures), {})
        self.assertEqual(self.figures.reach(), 1000)

    @given(st.integers(0, 60))
    def test_sums_are_the_same_at_every_moment_of_encoding(self, steps):
        self.setUp()
        for minute in range(3):
            for table in (b"a", b"b", b"c", b"d"):
                self.ask(minute, table, count=2)
        self.figures.tick(START + 3 * MINUTE)
        self.turns.run(steps)
        self.ask(3, b"a")
        expected = {f"SELECT a FROM {table}": 6 for table in "abcd"}
        expected["SELECT a FROM a"] += 1
        self.assertEqual(added(self.figures), expected)
        series = self.figures.series(self.figures.counter.minute.counted[0].shape.id, 0, 1 << 40)
        parts = [(part.number, part.minutes, part.row.calls) for part in series if part is not None]
        self.assertEqual(parts, [(1000, 1, 2), (1001, 1, 2), (1002, 1, 2), (1003, 1, 1)])
        self.assertEqual(self.figures.reach(), 1000)

    def test_a_page_may_be_made_while_a_minute_is_encoded(self):
        for table in (b"a", b"b", b"c"):
            self.ask(0, table)
        self.figures.tick(START + MINUTE)
        page = self.figures.total(0, 1 << 40)
        next(page)
        self.turns.run()
        *_, found = page
        self.assertEqual(sum(one.row.calls for one in found.values()), 3)

    def test_a_quiet_minute_ends_too(self):
        self.ask()
        self.figures.tick(START + 5 * MINUTE)
        self.turns.run()
        self.assertEqual([slot.number for slot in self.figures.history.slots(0, 2000)], [1000])

    def test_at_the_end_everything_is_kept(self):
        told = []
        self.figures.sink = lambda number, shape, encoded: told.append((number, shape.text))
        self.ask(0)
        self.ask(1, b"u")
        self.figures.finish()
        self.assertEqual(told, [(1000, "SELECT a FROM t"), (1001, "SELECT a FROM u")])
        self.assertEqual(sum(added(self.figures).values()), 2)
