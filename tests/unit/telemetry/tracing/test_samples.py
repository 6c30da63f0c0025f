"""Requests with a sample among their spans are found, whatever was known of those before them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.tracing.latencies import ERRORS, bucket_of
from acra_twisted.telemetry.tracing.samples import Name, Named
from tests.support.recordings import START, record

SECOND = 10**9


class Samples(SynchronousTestCase):
    @given(
        st.integers(0, 2),
        st.lists(
            st.tuples(
                st.sampled_from((9_999, 10_000, 99_999, 100_000, 10**6, 10**7)),
                st.integers(0, 10**7),
                st.integers(0, 4 * 10**8),
                st.booleans(),
            ),
            min_size=5,
            max_size=80,
        ),
    )
    def test_a_request_has_one_if_a_bucket_of_its_spans_is_due(self, stages, requests):
        names = [Name() for _ in range(stages + 2)]
        named, now = Named(names), START
        due = [[0] * (ERRORS + 1) for _ in names]
        for took, asked, later, takes in requests:
            now += later
            recorded = record(
                stages, start=now - took, took=took, sent=max(took - asked, 1), first_byte=0
            )
            times = [
                recorded.times[2 * place + 1] - recorded.times[2 * place] for place in range(stages)
            ]
            ends = recorded.times[1::2]
            times += [took, now - recorded.sent]
            ends += [now, now]
            buckets = [bucket_of(one) for one in times]
            expected = any(
                end >= turns[place] for end, turns, place in zip(ends, due, buckets, strict=True)
            )
            self.assertEqual(named.has_sample(recorded), expected)
            if takes:
                for name, turns, place, end in zip(names, due, buckets, ends, strict=True):
                    if name.turns.take(place, end):
                        turns[place] = end + SECOND

    def test_what_has_not_been_at_the_database_has_its_own_time_alone(self):
        name = Name()
        named = Named([name])
        self.assertTrue(named.has_sample(record(0, sent=0)))
        name.turns.take(bucket_of(5_000_000), START)
        for _ in range(2):
            self.assertFalse(named.has_sample(record(0, sent=0, start=START + 1)))
        self.assertTrue(named.has_sample(record(0, sent=0, start=START + SECOND)))
