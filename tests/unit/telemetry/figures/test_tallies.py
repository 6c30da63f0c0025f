"""Counting the requests of one way."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.telemetry.figures.rows import WHOLE
from acra_twisted.telemetry.figures.tallies import DATABASE, Tally, Ways
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import START, a_request


class Counting(SynchronousTestCase):
    def setUp(self):
        self.tally = Tally()
        self.session = make_session()
        self.counter = ShapeCounter(START)
        Ways(lambda session: self.tally).session_opened(self.session)

    def count(self, outcome="ok", times=(10, 20, 30), **facts):
        request = a_request(self.session, times=times, outcome=outcome, **facts)
        self.counter.exchange_closed(request)

    def test_requests_by_their_ends(self):
        for outcome in ("ok", "error", "lost", "aborted"):
            self.count(outcome)
        self.count("denied", (0, 0, 7))
        row = self.tally.row()
        self.assertEqual((row.calls, row.errors, row.denied), (5, 2, 1))
        # The time of what was given up says nothing, and the database never saw what was denied.
        self.assertEqual((row.layers[WHOLE].total, row.layers[WHOLE].count), (97, 4))
        self.assertEqual((row.layers[DATABASE].total, row.layers[DATABASE].count), (60, 3))

    def test_what_is_taken_is_counted_no_more(self):
        self.assertIsNone(self.tally.take())
        self.count()
        taken = self.tally.take()
        self.count()
        self.count()
        self.assertEqual((taken.row().calls, self.tally.row().calls), (1, 2))
        self.assertEqual(taken.row().layers[WHOLE].count, 1)

    def test_what_is_no_statement_is_not_counted(self):
        self.count(kind="startup", text=None)
        self.assertIsNone(self.tally.take())

    def test_a_session_that_goes_to_another_database_takes_another_way(self):
        given = []

        def give(session):
            given.append(Tally(session.database))
            return given[-1]

        Ways(give).session_opened(self.session)
        for database in (b"shop", b"shop", b"stock"):
            self.session.database = database
            self.count()
        given[-1].is_over = True
        self.count()
        self.assertEqual([one.calls for one in given], [2, 1, 1])
