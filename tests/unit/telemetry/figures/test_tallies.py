"""Counting the requests of one way."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.rows import WHOLE
from acra_twisted.telemetry.figures.tallies import DATABASE, Tally
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import a_request


class Counting(SynchronousTestCase):
    def setUp(self):
        self.tally = Tally()
        self.session = make_session()

    def count(self, outcome="ok", times=(10, 20, 30)):
        self.tally.count(a_request(self.session, times=times, outcome=outcome))

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
