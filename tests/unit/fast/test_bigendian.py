"""Numbers as ``struct`` reads them, and no byte that is not there."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.bigendian import uint16, uint32


class Numbers(SynchronousTestCase):
    @given(st.binary(min_size=4), st.data())
    def test_as_struct_reads_them(self, data, draw):
        at = draw.draw(st.integers(0, len(data) - 4))
        self.assertEqual(uint32(data, at), struct.unpack_from(">I", data, at)[0])
        self.assertEqual(uint16(data, at), struct.unpack_from(">H", data, at)[0])

    @given(st.binary(max_size=5), st.integers(0, 6))
    def test_what_is_not_there(self, data, at):
        for read, size in ((uint32, 4), (uint16, 2)):
            if at + size > len(data):
                self.assertRaises(IndexError, read, data, at)
