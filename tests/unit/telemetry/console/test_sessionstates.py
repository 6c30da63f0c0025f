"""States of sessions, and which of them come first."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.sessionstates import STATES, state_of, weight
from tests.support.livesessions import some_session


class States(SynchronousTestCase):
    def test_a_session_that_runs_is_in_the_database_or_in_the_proxy(self):
        self.assertEqual(state_of(some_session(5, b"SELECT 1")), "database")
        self.assertEqual(state_of(some_session(5, b"SELECT 1", sent=False)), "stage")
        self.assertEqual(state_of(some_session(5, transaction=9)), "in_transaction")
        self.assertEqual(state_of(some_session(5)), "idle")

    def test_those_that_wait_longest_come_first(self):
        order = sorted(
            [(state, took) for state in STATES for took in (1, 2)],
            key=lambda one: weight(*one),
            reverse=True,
        )
        self.assertEqual({state for state, _ in order[4:8]}, set(list(STATES)[:4]))
        self.assertEqual([took for _, took in order[:8]], [2] * 4 + [1] * 4)
        self.assertEqual(order[8:10], [("starting", 2), ("starting", 1)])
        self.assertEqual({took for _, took in order[10:12]}, {1})
