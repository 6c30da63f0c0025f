"""The sessions that have been in each state longest."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.longest import age_of, standing
from tests.support.livesessions import MOMENT, MS, some_session
from tests.support.stepping import returned


class Standing(SynchronousTestCase):
    def test_states_and_the_longest_of_each(self):
        live = [
            *(some_session(age, b"SELECT 1", number=age) for age in (20, 900, 30)),
            some_session(70, transaction=80, number=4),
            some_session(5, number=5),
        ]
        self.assertEqual(age_of(live[1], MOMENT), 900 * MS)
        found = returned(standing(live, MOMENT))
        self.assertEqual(found.states, {"database": 3, "in_transaction": 1, "idle": 1})
        self.assertEqual(
            {state: (row["session_id"], row["state_ms"]) for state, row in found.longest.items()},
            {"database": (900, 900.0), "in_transaction": (4, 70.0), "idle": (5, 5.0)},
        )

    def test_many_take_several_steps(self):
        steps = standing((some_session(1, number=n) for n in range(100)), MOMENT)
        self.assertGreaterEqual(sum(1 for _ in steps), 3)
