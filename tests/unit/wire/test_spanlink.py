"""Requests of spans, framed."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import FrameTooLarge
from acra_twisted.wire import lengthprefix
from acra_twisted.wire.spanlink import KEPT, LIMIT, SpanIntake


class Intake(SynchronousTestCase):
    @given(st.lists(st.binary(max_size=50), max_size=4), st.integers(1, 20))
    def test_however_it_is_split(self, requests, step):
        taken = []
        intake = SpanIntake(taken.append)
        data = b"".join(map(lengthprefix.encode, requests))
        answers = b"".join(intake.feed(data[at : at + step]) for at in range(0, len(data), step))
        self.assertEqual((taken, answers), (requests, KEPT * len(requests)))

    def test_too_large(self):
        intake = SpanIntake(self.fail)
        self.assertRaises(FrameTooLarge, intake.feed, (LIMIT + 1).to_bytes(4, "little"))
