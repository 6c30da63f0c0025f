"""The writer, in whichever form this runs."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.fast.byteswriter import (
    BytesWriter,
    write_f64_le,
    write_i64_le,
)


class Writer(SynchronousTestCase):
    @given(
        st.lists(
            st.one_of(
                st.binary(max_size=300),
                st.integers(0, 255),
                st.integers(-(1 << 63), (1 << 63) - 1).map(lambda number: ("<q", number)),
                st.floats(allow_nan=False).map(lambda number: ("<d", number)),
            )
        )
    )
    def test_all_that_is_written_in_order(self, items):
        writer, expected = BytesWriter(), b""
        for item in items:
            if isinstance(item, bytes):
                writer.write(item)
                expected += item
            elif isinstance(item, int):
                writer.append(item)
                expected += bytes([item])
            else:
                kind, number = item
                (write_i64_le if kind == "<q" else write_f64_le)(writer, number)
                expected += struct.pack(kind, number)
        self.assertEqual(writer.getvalue(), expected)

    @given(st.lists(st.binary(max_size=300)), st.integers(0, 300), st.binary(max_size=9))
    def test_what_is_cut_off_is_written_no_more(self, parts, size, more):
        writer = BytesWriter()
        for part in parts:
            writer.write(part)
        kept = b"".join(parts)[:size]
        writer.truncate(len(kept))
        writer.write(more)
        self.assertEqual(writer.getvalue(), kept + more)
