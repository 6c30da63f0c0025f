"""Figures of statements, as they are kept."""

import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.counting import MINUTE as NANOSECONDS
from acra_twisted.telemetry.figures.rows import Row, add_encoded, decode
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.history import reading
from acra_twisted.telemetry.history.statements import DAY, HOUR, MINUTE, StatementSink
from tests.support.histories import connect, put
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import START, a_request

FIRST = START // NANOSECONDS


class Kept(SynchronousTestCase):
    def setUp(self):
        self.figures = StatementFigures(START)
        self.session = make_session()
        self.got = []
        self.sink = StatementSink(self.figures, self.got.append)

    def ask(self, minute, table=b"t", count=1):
        for _ in range(count):
            opened = START + minute * NANOSECONDS
            request = a_request(self.session, b"SELECT a FROM " + table, opened=opened)
            self.figures.counter.exchange_closed(request)

    def calls(self, width):
        """Return the minute, the statement and the calls of each figure."""
        names = {
            figure.key.removeprefix("shape:"): json.loads(figure.data)["text"]
            for figure in self.got
            if figure.width == DAY
        }
        return [
            (
                figure.start // 60 - FIRST,
                names[figure.key.removeprefix("statement:")],
                decode(figure.data).calls,
            )
            for figure in self.got
            if figure.width == width
        ]

    def test_minutes_and_hours(self):
        self.ask(0)
        self.ask(1, count=2)
        self.ask(1, b"u")
        self.ask(61, count=62)
        self.sink.finish()
        self.assertCountEqual(
            self.calls(MINUTE),
            [
                (0, "SELECT a FROM t", 1),
                (1, "SELECT a FROM t", 2),
                (1, "SELECT a FROM u", 1),
                (61, "SELECT a FROM t", 62),
            ],
        )
        hours = [(text, calls) for _, text, calls in self.calls(HOUR)]
        self.assertEqual(sum(calls for _, calls in hours), 66)
        self.assertEqual({figure.start % HOUR for figure in self.got if figure.width == HOUR}, {0})
        self.assertEqual(sum(figure.width == DAY for figure in self.got), 2)

    def test_what_is_told_twice_is_added_up(self):
        shape = Shape("postgresql", "d", "statement", "SELECT t", "SELECT ?")
        row = Row()
        row.calls = 3
        for _ in range(2):
            self.sink(FIRST, shape, row.encode())
        last = [figure for figure in self.got if figure.width == MINUTE][-1]
        self.assertEqual(decode(last.data).calls, 6)

    def test_a_days_texts(self):
        for minute in (0, 1, 24 * 60):
            self.ask(minute)
        self.sink.finish()
        days = [figure.start for figure in self.got if figure.width == DAY]
        self.assertEqual(len(days), 2)
        self.assertEqual([start % DAY for start in days], [0, 0])

    def test_nothing(self):
        self.sink.finish()
        self.assertEqual(self.got, [])

    def test_sums_come_back_from_the_file(self):
        """Two processes have counted, one after the other."""
        connection = connect(":memory:")
        self.addCleanup(connection.close)
        for run in (1, 2):
            self.setUp()
            for minute in range(5):
                self.ask(minute, count=minute + run)
            self.sink.finish()
            put(connection, *self.got, now=0, run=run)
        total = Row()
        for figure in reading.figures(connection, MINUTE, 0, 1 << 40, "statement:").rows:
            add_encoded(total, figure.data)
        self.assertEqual(total.calls, sum(range(1, 6)) + sum(range(2, 7)))
