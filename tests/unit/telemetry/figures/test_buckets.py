"""Buckets of durations: their bounds, what they say of percentiles, and counting into them."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.buckets import (
    BOUNDS,
    COUNT,
    Distribution,
    bucket,
    middle,
    percentile,
)

DURATIONS = st.integers(0, 10**13)


class Bounds(SynchronousTestCase):
    def test_four_double_a_duration_and_one_begins_at_50_us(self):
        self.assertEqual(BOUNDS[24], 50_000)
        self.assertEqual(len(BOUNDS), COUNT)
        for number in range(COUNT - 4):
            self.assertLess(abs(BOUNDS[number + 4] / BOUNDS[number] - 2), 0.01)

    def test_the_last_one_begins_at_47_minutes(self):
        self.assertEqual(BOUNDS[-1] // (60 * 10**9), 47)

    def test_centuries_are_in_the_last_one(self):
        # A connector's span ends before 2**63 nanoseconds.
        for duration in (BOUNDS[-1], 2**62 - 1, 2**62, 2**63 - 1):
            self.assertEqual(bucket(duration), COUNT - 1)
        self.assertEqual(bucket(BOUNDS[-1] - 1), COUNT - 2)

    @given(DURATIONS)
    def test_a_duration_is_within_its_bucket(self, duration):
        number = bucket(duration)
        if number:
            self.assertGreaterEqual(duration, BOUNDS[number])
        if number + 1 < COUNT:
            self.assertLess(duration, BOUNDS[number + 1])

    @given(st.integers(BOUNDS[1], BOUNDS[-1]))
    def test_the_middle_is_9_percent_off_at_most(self, duration):
        self.assertLess(abs(middle(bucket(duration)) / duration - 1), 0.092)

    def test_no_time_and_less_are_in_the_first(self):
        self.assertEqual([bucket(0), bucket(-5)], [0, 0])


class Percentiles(SynchronousTestCase):
    @given(
        st.lists(st.integers(BOUNDS[1], BOUNDS[-1] - 1), min_size=1, max_size=200),
        st.sampled_from([0.01, 0.5, 0.9, 0.95, 0.99, 1.0]),
    )
    def test_they_are_those_of_the_durations(self, durations, share):
        counts = {}
        for duration in durations:
            counts[bucket(duration)] = counts.get(bucket(duration), 0) + 1
        # As the definition has it: at least this share took no longer.
        exact = next(
            duration
            for place, duration in enumerate(sorted(durations), 1)
            if place >= share * len(durations)
        )
        self.assertLess(abs(percentile(counts, share) / exact - 1), 0.092)

    def test_of_nothing(self):
        self.assertEqual(percentile({}, 0.5), 0.0)


class Counting(SynchronousTestCase):
    @given(st.lists(DURATIONS | st.integers(1 << 60, (1 << 63) - 1), max_size=100))
    def test_each_is_counted_once_in_its_bucket(self, durations):
        counted = Distribution()
        expected = {}
        for duration in durations:
            counted.count(duration)
            expected[bucket(duration)] = expected.get(bucket(duration), 0) + 1
        self.assertEqual(counted.sparse(), expected)
        self.assertEqual(counted.total, sum(durations))

    def test_many_of_one_bucket(self):
        counted = Distribution()
        for number in range(1000):
            counted.count(1_000_000)
            self.assertEqual(counted.sparse(), {bucket(1_000_000): number + 1})
        self.assertEqual(counted.total, 1000 * 1_000_000)

    def test_a_sum_of_centuries(self):
        counted = Distribution()
        for _ in range(5):
            counted.count(1 << 61)
        self.assertEqual(counted.total, 5 << 61)

    @given(DURATIONS)
    def test_a_bucket_is_that_of_the_bounds(self, duration):
        self.assertEqual(bucket(duration), max(bisect_right(BOUNDS, duration) - 1, 0))
