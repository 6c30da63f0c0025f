"""Counts of durations: each is counted once in its bucket, by C and by its twin."""

from bisect import bisect_right
from struct import pack

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.counts import Adding, AddingByPython, Counts, CountsByPython

BOUNDS = (3, 10, 11, 1000, 1 << 40)
OTHERS = (0, 5, 1001)
#: Two places and two durations; of the last distribution there are other buckets.
RULES = (((0, 0, 0), (1, 2, 0), (1, 3, 1)), ((0, 1, 0),))
BOTH = ((Counts, Adding), (CountsByPython, AddingByPython))
DURATIONS = st.sampled_from((*BOUNDS, 0, 2, 9, 1 << 62, (1 << 63) - 1)) | st.integers(0, 2000)
PLACES = st.integers(-1, 2)


def adding_of(kind):
    """Return what adds by these rules."""
    return kind((BOUNDS, OTHERS), 2, RULES)


def packed(*records):
    """Return records as bytes."""
    return b"".join(pack("<4q", *record) for record in records)


class Counting(SynchronousTestCase):
    @given(st.lists(st.tuples(st.integers(0, 4), DURATIONS), max_size=50))
    def test_each_is_counted_once_in_its_bucket(self, durations):
        expected = {}
        for place, _ in durations:
            expected[place] = expected.get(place, 0) + 1
        for kind, _ in BOTH:
            counts = kind(5)
            for place, duration in durations:
                counts.add(place, duration)
            self.assertEqual(counts.sparse(), expected)
            self.assertEqual(counts.total, sum(duration for _, duration in durations))

    def test_many_of_one_bucket(self):
        for kind, _ in BOTH:
            counts = kind(2)
            for number in range(65_534):
                counts.add(1, number)
            for number in range(65_535, 65_538):
                counts.add(1, 0)
                self.assertEqual(counts.sparse(), {1: number})

    def test_a_sum_of_centuries(self):
        longest = (1 << 63) - 1
        for kind, _ in BOTH:
            counts = kind(1)
            for _ in range(5):
                counts.add(0, longest)
            self.assertEqual(counts.total, 5 * longest)

    def test_there_are_no_other_buckets_and_no_negative_durations(self):
        for kind, _ in BOTH:
            counts = kind(2)
            for place in (-1, 2):
                self.assertRaises(IndexError, counts.add, place, 1)
            self.assertRaises(ValueError, counts.add, 0, -1)
            self.assertEqual((counts.sparse(), counts.total), ({}, 0))
            for size in (0, -1, 1025):
                self.assertRaises(ValueError, kind, size)


def some_counts(kind, many):
    """Return so many times those of a place."""
    return [
        kind(len(OTHERS if behind == 3 else BOUNDS)) for _ in range(many) for behind in range(4)
    ]


class Runs(SynchronousTestCase):
    @given(st.lists(st.tuples(PLACES, PLACES, st.just(-1) | DURATIONS, st.just(-1) | DURATIONS)))
    def test_a_run_is_the_same_as_one_after_the_other(self, records):
        expected = some_counts(CountsByPython, 3)
        for *places, first, second in records:
            for place, duration, behind, bounds in (
                (places[0], first, 0, BOUNDS),
                (places[1], first, 2, BOUNDS),
                (places[1], first, 3, OTHERS),
                (places[0], second, 1, BOUNDS),
            ):
                if place >= 0 and duration >= 0:
                    bucket = max(bisect_right(bounds, duration) - 1, 0)
                    expected[4 * place + behind].add(bucket, duration)
        records = [
            (*(4 * place if place >= 0 else -1 for place in one[:2]), *one[2:]) for one in records
        ]
        for kind, adding in BOTH:
            counts = some_counts(kind, 3)
            adding_of(adding).add(packed(*records), counts)
            self.assertEqual(
                [(one.sparse(), one.total) for one in counts],
                [(one.sparse(), one.total) for one in expected],
            )

    def test_each_duration_is_in_the_bucket_of_the_bounds(self):
        edges = [bound + step for bound in (*BOUNDS, *OTHERS[1:]) for step in (-1, 0, 1)]
        for kind, adding in BOTH:
            for duration in edges:
                counts = some_counts(kind, 1)
                adding_of(adding).add(packed((-1, 0, duration, -1)), counts)
                for one, bounds in ((counts[2], BOUNDS), (counts[3], OTHERS)):
                    expected = max(bisect_right(bounds, duration) - 1, 0)
                    self.assertEqual(one.sparse(), {expected: 1})

    def test_of_a_record_that_is_cut_off_nothing_is_counted(self):
        for kind, adding in BOTH:
            counts = some_counts(kind, 1)
            numbers = packed((0, 0, 1, 1), (0, 0, 1, 1))
            for size in (1, 8, len(numbers) - 8):
                self.assertRaises(ValueError, adding_of(adding).add, numbers[:size], counts)
            self.assertEqual([one.total for one in counts], [0] * 4)

    def test_there_is_nothing_behind_the_last_counts(self):
        for kind, adding in BOTH:
            counts = some_counts(kind, 1)
            for place in (2, 4, 1 << 40, (1 << 63) - 1):
                with self.assertRaises(IndexError):
                    adding_of(adding).add(packed((0, 0, 1, 1), (0, place, 1, 1)), counts)

    def test_nothing_else_is_counted_in(self):
        adding = adding_of(Adding)
        for other in ([None] * 4, [Counts(4)] * 4):
            with self.assertRaises((TypeError, IndexError, AttributeError)):
                adding.add(packed((0, 0, 1 << 41, 1)), other)
