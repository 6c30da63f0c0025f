"""Sums of all statements by minute."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.gathering import added, totals
from acra_twisted.telemetry.console.ranges import RANGES, range_of
from acra_twisted.telemetry.console.sums import Sums
from acra_twisted.telemetry.figures.rows import Row
from tests.support.figures import total
from tests.support.hours import ACCOUNT, CARD, NOW, ORDERS, Hour
from tests.support.stepping import returned

_TEXTS = st.sampled_from([ORDERS, ACCOUNT, CARD])


class AllStatements(SynchronousTestCase):
    @given(st.lists(st.tuples(st.integers(1, 170), _TEXTS)), st.sampled_from(list(RANGES)))
    def test_they_are_those_of_each_added_up(self, requests, key):
        hour = Hour(180)
        for minute, text in sorted(requests, key=lambda one: -one[0]):
            hour.pass_to(minute)
            hour.ask(minute, text)
        span = range_of(key, NOW - 1)
        sums = Sums(hour.figures)
        for _ in range(2):
            whole = added(returned(sums.by_column(span)))
            each = returned(totals(hour.figures, span)).values()
            self.assertEqual(whole.as_json(), total(Row(), *(one.row for one in each)))

    def test_minutes_that_are_over_are_added_up_once(self):
        hour = Hour().slow_since(20)
        sums = Sums(hour.figures)
        span = range_of("1h", NOW - 1)
        steps = [sum(1 for _ in sums.by_column(span)) for _ in range(3)]
        self.assertGreater(steps[0], 3 * 59)
        self.assertEqual(steps[1], steps[2])
        self.assertLess(steps[1], 70)
