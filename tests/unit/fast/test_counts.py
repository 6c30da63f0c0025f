"""Counts of durations: each is counted once in its bucket, by C and by its twin."""

from bisect import bisect_right
from struct import pack

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.counts import Adding, AddingByPython, Counts, CountsByPython

BOUNDS = (3, 10, 11, 1000, 1 << 40)
OTHERS = (0, 5, 1001)
#: Two parts and two durations; the last counts have other buckets.
RULES = (((0, 0, 0), (1, 0, 0), (1, 1, 1)), ((0, 1, 0),))
BOTH = ((Counts, Adding), (CountsByPython, AddingByPython))
DURATIONS = st.sampled_from((*BOUNDS, 0, 2, 9, 1 << 62, (1 << 63) - 1)) | st.integers(0, 2000)


def adding_of(kind):
    """Return what adds by these rules."""
    return kind((BOUNDS, OTHERS), RULES)


def packed(*records):
    """Return records as bytes."""
    return b"".join(pack("<2q", *record) for record in records)


def some_parts(kind):
    """Return the counts of both parts."""
    return [[kind(len(BOUNDS)), kind(len(BOUNDS))], [kind(len(BOUNDS)), kind(len(OTHERS))]]


def counted_of(parts):
    """Return what they have."""
    return [None if part is None else [(one.sparse(), one.total) for one in part] for part in parts]


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


class Runs(SynchronousTestCase):
    @given(
        st.lists(st.tuples(st.just(-1) | DURATIONS, st.just(-1) | DURATIONS), max_size=100),
        st.sampled_from(((), (0,), (1,), (0, 1))),
    )
    def test_a_run_is_the_same_as_one_after_the_other(self, records, without):
        expected = some_parts(CountsByPython)
        for first, second in records:
            for duration, counts, bounds in (
                (first, expected[0][0], BOUNDS),
                (first, expected[1][0], BOUNDS),
                (first, expected[1][1], OTHERS),
                (second, expected[0][1], BOUNDS),
            ):
                if duration >= 0:
                    counts.add(max(bisect_right(bounds, duration) - 1, 0), duration)
        for place in without:
            expected[place] = None
        for kind, adding in BOTH:
            parts = some_parts(kind)
            for place in without:
                parts[place] = None
            adding_of(adding).add(packed(*records), parts)
            self.assertEqual(counted_of(parts), counted_of(expected))

    def test_each_duration_is_in_the_bucket_of_the_bounds(self):
        edges = [bound + step for bound in (*BOUNDS, *OTHERS[1:]) for step in (-1, 0, 1)]
        edges += [(1 << bits) + step for bits in range(4, 63) for step in (-1, 0, 1)]
        for kind, adding in BOTH:
            for duration in edges:
                parts = some_parts(kind)
                adding_of(adding).add(packed((duration, -1)), parts)
                for one, bounds in zip(parts[1], (BOUNDS, OTHERS), strict=True):
                    expected = max(bisect_right(bounds, duration) - 1, 0)
                    self.assertEqual((one.sparse(), one.total), ({expected: 1}, duration))

    def test_many_of_one_bucket_in_a_run(self):
        for kind, adding in BOTH:
            parts = some_parts(kind)
            for _ in range(3):
                adding_of(adding).add(packed((4, -1)) * 30_000, parts)
            self.assertEqual(parts[0][0].sparse(), {0: 90_000})

    def test_of_a_record_that_is_cut_off_nothing_is_counted(self):
        for kind, adding in BOTH:
            parts = some_parts(kind)
            numbers = packed((1, 1), (1, 1))
            for size in (1, 8, len(numbers) - 8):
                self.assertRaises(ValueError, adding_of(adding).add, numbers[:size], parts)
            self.assertEqual(counted_of(parts), counted_of(some_parts(kind)))

    def test_where_parts_or_counts_are_missing_nothing_is_counted(self):
        for kind, adding in BOTH:
            parts = some_parts(kind)
            for other in ([], parts[:1], [parts[0], parts[1][:1]]):
                with self.assertRaises(IndexError):
                    adding_of(adding).add(packed((1, 1)), other)
            self.assertEqual(counted_of(parts), counted_of(some_parts(kind)))

    @given(
        st.lists(
            st.lists(st.tuples(st.just(-1) | DURATIONS, st.just(-1) | DURATIONS), max_size=20),
            max_size=6,
        ),
        st.sampled_from(((), (0,), (1,), (0, 1))),
    )
    def test_what_is_gathered_is_counted_as_if_it_were_added(self, runs, without):
        for kind, adding in BOTH:
            added, settled = some_parts(kind), some_parts(kind)
            for place in without:
                added[place] = settled[place] = None
            one = adding_of(adding)
            pending = one.pending()
            for number, records in enumerate(runs):
                pending.gather(packed(*records))
                if number % 3 == 2:
                    pending.settle(settled)
                one.add(packed(*records), added)
            pending.settle(settled)
            self.assertEqual(counted_of(settled), counted_of(added))
            # Nothing is counted twice.
            pending.settle(settled)
            self.assertEqual(counted_of(settled), counted_of(added))

    def test_each_gathered_duration_is_in_the_bucket_of_the_bounds(self):
        edges = [bound + step for bound in (*BOUNDS, *OTHERS[1:]) for step in (-1, 0, 1)]
        edges += [(1 << bits) + step for bits in range(4, 63) for step in (-1, 0, 1)]
        for kind, adding in BOTH:
            pending = adding_of(adding).pending()
            for duration in edges:
                parts = some_parts(kind)
                pending.gather(packed((duration, -1)))
                pending.settle(parts)
                for one, bounds in zip(parts[1], (BOUNDS, OTHERS), strict=True):
                    expected = max(bisect_right(bounds, duration) - 1, 0)
                    self.assertEqual((one.sparse(), one.total), ({expected: 1}, duration))

    def test_many_of_one_bucket_are_gathered(self):
        for kind, adding in BOTH:
            parts, pending = some_parts(kind), adding_of(adding).pending()
            for _ in range(3):
                for _ in range(3):
                    pending.gather(packed((4, -1)) * 30_000)
                pending.settle(parts)
            self.assertEqual(parts[0][0].sparse(), {0: 270_000})
            self.assertEqual(parts[0][0].total, 4 * 270_000)

    def test_of_a_gathered_record_that_is_cut_off_nothing_is_counted(self):
        for kind, adding in BOTH:
            parts, pending = some_parts(kind), adding_of(adding).pending()
            self.assertRaises(ValueError, pending.gather, packed((1, 1))[:9])
            pending.settle(parts)
            self.assertEqual(counted_of(parts), counted_of(some_parts(kind)))

    def test_what_cannot_be_settled_is_pending_as_before(self):
        for kind, adding in BOTH:
            parts, pending = some_parts(kind), adding_of(adding).pending()
            pending.gather(packed((1, 1)))
            for other in ([], parts[:1], [parts[0], parts[1][:1]]):
                self.assertRaises(IndexError, pending.settle, other)
            self.assertEqual(counted_of(parts), counted_of(some_parts(kind)))
            pending.settle(parts)
            self.assertEqual(parts[0][0].sparse(), {0: 1})

    def test_what_is_pending_outlives_what_made_it(self):
        for kind, adding in BOTH:
            parts, pending = some_parts(kind), adding_of(adding).pending()
            pending.gather(packed((1, 1)))
            pending.settle(parts)
            self.assertEqual(parts[0][0].sparse(), {0: 1})

    def test_nothing_else_is_counted_in(self):
        adding = adding_of(Adding)
        for other in ([None] * 2, [Counts(4)] * 2):
            with self.assertRaises((TypeError, IndexError, AttributeError)):
                adding.add(packed((1 << 41, 1)), [some_parts(Counts)[0], other])
