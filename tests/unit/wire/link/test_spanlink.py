"""Requests of spans, framed."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import FrameTooLarge
from acra_twisted.wire.link import lengthprefix
from acra_twisted.wire.link.spanlink import LIMIT, SpanIntake


class Intake(SynchronousTestCase):
    @given(st.lists(st.binary(max_size=50), max_size=4), st.integers(1, 20))
    def test_however_it_is_split(self, requests, step):
        intake, taken = SpanIntake(), []
        data = b"".join(map(lengthprefix.encode, requests))
        for at in range(0, len(data), step):
            taken += intake.feed(data[at : at + step])
        self.assertEqual(taken, requests)

    def test_too_large(self):
        intake = SpanIntake()
        self.assertRaises(FrameTooLarge, intake.feed, (LIMIT + 1).to_bytes(4, "little"))
