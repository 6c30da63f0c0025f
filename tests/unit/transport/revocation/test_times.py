"""Times of answers and lists."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation.policy import EARLY, GOOD, STALE
from acra_twisted.transport.revocation.times import MAX_AGE, SKEW, timely
from tests.support.issued import DAY, HOUR, NOW

AT = NOW.timestamp()


class Times(SynchronousTestCase):
    def test_clocks_may_differ_by_the_skew(self):
        for begin, end, expected in (
            (NOW - HOUR, NOW + HOUR, GOOD),
            (NOW - DAY, NOW - HOUR, STALE),
            (NOW + HOUR, NOW + DAY, EARLY),
        ):
            self.assertEqual(timely("it", begin, end, AT).reason, expected)
        self.assertEqual(timely("it", NOW, NOW, AT + SKEW).reason, GOOD)
        self.assertEqual(timely("it", NOW, NOW, AT + SKEW + 1).reason, STALE)
        self.assertEqual(timely("it", NOW, None, AT - SKEW).reason, GOOD)
        self.assertEqual(timely("it", NOW, None, AT - SKEW - 1).reason, EARLY)

    def test_without_an_end_it_has_an_age(self):
        self.assertEqual(timely("it", NOW, None, AT + MAX_AGE).end, AT + MAX_AGE + SKEW)
        self.assertEqual(timely("it", NOW, None, AT + MAX_AGE + SKEW + 1).reason, STALE)
        self.assertEqual(timely("it", NOW, None, AT + 1000, 600).reason, STALE)

    def test_the_words_say_since_when(self):
        self.assertIn(f"until {NOW - DAY:%Y-%m-%d}", timely("it", NOW - DAY, NOW - DAY, AT).about)
        self.assertIn(f"from {NOW + DAY:%Y-%m-%d}", timely("it", NOW + DAY, None, AT).about)
