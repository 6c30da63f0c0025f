"""Numbers with their lowest byte first."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast import littleendian

READERS = (
    (littleendian.uint16, 2),
    (littleendian.uint24, 3),
    (littleendian.uint32, 4),
    (littleendian.uint64, 8),
)


class Numbers(SynchronousTestCase):
    @given(st.binary(min_size=8, max_size=20), st.integers(0, 20), st.sampled_from(READERS))
    def test_they_are_read_where_they_lie(self, data, at, reader):
        read, size = reader
        if at + size > len(data):
            self.assertRaises(IndexError, read, data, at)
        else:
            self.assertEqual(read(data, at), int.from_bytes(data[at : at + size], "little"))
