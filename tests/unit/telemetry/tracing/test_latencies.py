"""Latencies in buckets, each of which takes a sample in its turn."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.latencies import BOUNDS, ERRORS, LABELS, Turns, bucket_of

_SECOND = 10**9


class Latencies(SynchronousTestCase):
    @given(st.sampled_from(BOUNDS), st.integers(-2, 2))
    def test_the_bucket_of_a_latency(self, bound, beside):
        took = max(bound + beside, 0)
        expected = max(place for place, least in enumerate(BOUNDS) if least <= took)
        self.assertEqual(bucket_of(took), expected)
        self.assertEqual(len(LABELS), ERRORS)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from((9_999, 10_000, 99_999, 100_000, 10**12)),
                st.integers(0, 3 * 10**8),
            ),
            min_size=10,
            max_size=100,
        )
    )
    # One whose neighbour is due later is due in its own time.
    @example([(10_000, 0), (9_999, 3), (9_999, 1), (10_000, 1), (10_000, 10**9 - 5)])
    @example([(9_999, 0), (10_000, 3), (10_000, 1), (9_999, 1), (9_999, 10**9 - 5)])
    def test_buckets_have_their_turns_whatever_was_asked_for_before(self, asked):
        turns, now, wanted = Turns(), 10**18, {}
        for number, (took, later) in enumerate(asked):
            now += later
            bucket = max(place for place, least in enumerate(BOUNDS) if least <= took)
            expected = now >= wanted.get(bucket, 0)
            is_due = turns.due(took, now)
            self.assertEqual(is_due, expected, number)
            if is_due:
                self.assertTrue(turns.take(bucket, now))
                wanted[bucket] = now + _SECOND
