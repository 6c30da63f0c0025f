"""Figures that earlier processes have counted come back from the history."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.counting import MINUTE as NANOSECONDS
from acra_twisted.telemetry.figures.rows import Layer, Row
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.history import restoring
from acra_twisted.telemetry.history.pieces import Damaged, Figure
from acra_twisted.telemetry.history.restoring import Restoring
from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.history.statements import DAY, HOUR, MINUTE, SHAPE, StatementSink
from tests.support.crowds import Jobs
from tests.support.histories import connect, put
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import a_request

#: A process begins in the middle of an hour.
BEGIN = 20_000 * 1440 + 12 * 60 + 30


class Runs:
    """Processes that have one history, one after the other; times are minutes from BEGIN on."""

    def __init__(self):
        self.connection = connect(":memory:")
        self.run = 0
        self.problem = None

    def begin(self, minute):
        """One more process; what it begins with is restored."""
        self.run += 1
        self.jobs, self.pieces = Jobs(), []
        now = (BEGIN + minute) * NANOSECONDS
        self.figures = StatementFigures(now, self.jobs)
        self.sink = StatementSink(self.figures, self.pieces.append)
        self.restoring = Restoring(self.figures, self.ask, now)
        self.sink.hour_is_over = self.restoring.hour_is_over
        self.done = ensureDeferred(self.restoring.run())
        self.work()

    async def ask(self, question, *given):
        if self.problem is not None:
            raise self.problem
        return question(self.connection, *given)

    def work(self):
        while self.jobs.run():
            pass

    def count(self, minute, table="t", count=1):
        now = (BEGIN + minute) * NANOSECONDS
        self.figures.tick(now)
        self.work()
        for _ in range(count):
            text = f"SELECT a FROM {table}".encode()
            request = a_request(make_session(), text, opened=now)
            self.figures.counter.exchange_closed(request)

    def write(self):
        put(self.connection, *self.pieces, now=BEGIN * NANOSECONDS, run=self.run)
        self.pieces.clear()

    def end(self):
        self.sink.finish()
        self.write()

    def calls(self, since, until):
        """Return the calls by table of minutes from BEGIN on."""
        found = {}
        for some in self.figures.total(BEGIN + since, BEGIN + until):
            found = some
        return {one.shape.text.rpartition(" ")[2]: one.row.calls for one in found.values()}


class Restored(SynchronousTestCase):
    def setUp(self):
        self.runs = Runs()

    def test_minutes_and_hours_of_before(self):
        self.runs.begin(-1500)
        self.runs.count(-1500, "old", 7)
        self.runs.count(-100, "t", 3)
        self.runs.count(-50, "u", 2)
        self.runs.end()
        self.runs.begin(0)
        self.successResultOf(self.runs.done)
        self.assertEqual(self.runs.calls(-120, 1), {"t": 3, "u": 2})
        self.assertEqual(self.runs.calls(-60, 1), {"u": 2})
        self.assertEqual(self.runs.calls(-1600, 1), {"old": 7, "t": 3, "u": 2})
        self.runs.count(1, "u", 4)
        self.assertEqual(self.runs.calls(-120, 2), {"t": 3, "u": 6})

    def test_the_hour_of_the_start_is_counted_once_however_often_it_is_read(self):
        self.runs.begin(0)
        self.runs.count(0, count=1)
        self.runs.end()
        for minute, count in ((5, 2), (10, 4), (20, 8)):
            self.runs.begin(minute)
            self.runs.count(minute + 1, count=count)
            self.runs.end()
        self.runs.begin(25)
        self.assertEqual(self.runs.calls(0, 60), {"t": 15})
        # The hour ends, and is shown as an hour later on.
        self.runs.count(28, count=16)
        self.runs.count(31)
        self.runs.count(400)
        self.assertEqual(self.runs.calls(0, 30), {"t": 31})
        self.runs.end()
        self.runs.begin(402)
        self.assertEqual(self.runs.calls(0, 30), {"t": 31})
        self.assertEqual(self.runs.calls(0, 402), {"t": 33})

    def test_a_process_that_was_killed(self):
        self.runs.begin(0)
        for minute in range(28):
            self.runs.count(minute)
        self.runs.write()
        # It says nothing any longer; the hour was written a while ago.
        self.runs.begin(28)
        self.assertEqual(self.runs.calls(0, 60), {"t": 27})
        self.runs.begin(400)
        self.assertGreaterEqual(self.runs.calls(0, 60)["t"], 27 - 15)

    def test_a_history_that_is_away_or_damaged(self):
        self.runs.problem = HistoryAway("it is locked")
        self.runs.begin(0)
        self.failureResultOf(self.runs.done, HistoryAway)
        self.runs.problem = Damaged("a figure has fields of other kinds")
        self.runs.begin(0)
        self.successResultOf(self.runs.done)
        self.assertEqual(self.runs.calls(-1000, 1), {})

    def test_texts_are_read_in_steps(self):
        self.runs.begin(-90)
        for number in range(50):
            self.runs.count(-90, f"t{number}")
        self.runs.end()
        read, seen = restoring._shape, []
        self.patch(restoring, "_shape", lambda figure: seen.append(figure) or read(figure))
        self.patch(self.runs, "work", lambda: None)
        self.runs.begin(0)
        most = 0
        while self.runs.jobs.jobs:
            before = len(seen)
            if not self.runs.jobs.jobs[0].step():
                self.runs.jobs.jobs.pop(0)
            most = max(most, len(seen) - before)
        self.successResultOf(self.runs.done)
        self.assertEqual((most, len(seen) >= 50), (1, True))
        self.assertEqual(len(self.runs.calls(-120, 1)), 50)

    def test_texts_that_are_not_theirs(self):
        shape = Shape("toydb", "d", "statement", "s", "SELECT 1")
        known = {name: getattr(shape, name) for name in restoring._TEXTS}
        right = Figure(DAY, 0, SHAPE + shape.id, json.dumps(known).encode())
        self.assertEqual(restoring._shape(right).text, "SELECT 1")
        for wrong in ({**known, "text": "x"}, {**known, "summary": 5}, {"text": "x"}, [1], 5):
            data = json.dumps(wrong).encode()
            self.assertIsNone(restoring._shape(right._replace(data=data)))
        for half in ({**known, "summary": "\ud800"}, {**known, "text": "\udfff"}):
            shape = Shape(*(half[name] for name in restoring._TEXTS))
            figure = Figure(DAY, 0, SHAPE + shape.id, json.dumps(half).encode())
            self.assertIsNone(restoring._shape(figure))
        huge = Shape("", "", "", "", "x" * 10_000)
        known = {name: getattr(huge, name) for name in restoring._TEXTS}
        wrong = Figure(DAY, 0, SHAPE + huge.id, json.dumps(known).encode())
        self.assertIsNone(restoring._shape(wrong))

    def test_rows_that_add_up_to_more_than_can_be_read(self):
        shape = Shape("toydb", "d", "statement", "t", "t")
        known = {name: getattr(shape, name) for name in restoring._TEXTS}
        row = Row()
        row.calls = row.rows = (1 << 63) - 1
        row.classes["40"] = row.calls
        row.layers["whole"] = Layer(row.calls, {3: row.calls})
        hour = BEGIN // 60 - 5
        for run in (1, 2):
            put(
                self.runs.connection,
                Figure(DAY, hour * HOUR // DAY * DAY, SHAPE + shape.id, json.dumps(known).encode()),
                Figure(HOUR, hour * HOUR, f"statement:{shape.id}", row.encode()),
                run=run,
            )
        self.runs.begin(0)
        self.assertEqual(self.runs.calls(-600, 1), {"t": (1 << 63) - 1})

    @given(st.binary(max_size=60))
    def test_bytes_of_others_are_no_rows(self, data):
        runs = Runs()
        shape = Shape("toydb", "d", "statement", "s", "SELECT 1")
        known = {name: getattr(shape, name) for name in restoring._TEXTS}
        hour = BEGIN // 60 - 5
        put(
            runs.connection,
            Figure(DAY, hour * HOUR // DAY * DAY, SHAPE + shape.id, json.dumps(known).encode()),
            Figure(HOUR, hour * HOUR, f"statement:{shape.id}", data),
            Figure(MINUTE, (BEGIN - 5) * MINUTE, f"statement:{shape.id}", data),
        )
        runs.begin(0)
        self.successResultOf(runs.done)
        runs.calls(-600, 1)
