"""Acra's length-prefixed blocks."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import FrameTooLarge
from acra_twisted.wire.link import lengthprefix


class Blocks(SynchronousTestCase):
    @given(st.binary(max_size=50), st.binary(max_size=9))
    def test_round_trip(self, body, more):
        data = lengthprefix.encode(body)
        self.assertEqual(lengthprefix.decode(data + more, 50), (body, len(data)))
        self.assertIsNone(lengthprefix.decode(data[:-1], 50) if body else None)

    def test_cl3_lengths_are_bounded_before_anything_is_waited_for(self):
        for length in (51, 2**31 - 1, 2**32 - 1):
            data = length.to_bytes(4, "little")
            self.assertRaises(FrameTooLarge, lengthprefix.decode, data, 50)
        self.assertIsNone(lengthprefix.decode(b"\1\0", 50))
