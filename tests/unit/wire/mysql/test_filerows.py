"""Values in the format in which files of LOAD DATA leave."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.mysql.filerows import decode, encode, join, split

SIGNS = (b"\\", b"\t", b"\n", b"t", b"n", b"N", b"a")


class Values(SynchronousTestCase):
    @given(st.lists(st.lists(st.sampled_from(SIGNS)).map(b"".join), min_size=1))
    def test_what_is_written_is_read_again(self, values):
        self.assertEqual([decode(one) for one in split(join(list(map(encode, values))))], values)

    def test_null(self):
        self.assertIsNone(decode(b"\\N"))
        self.assertEqual(decode(encode(b"\\N")), b"\\N")

    def test_long_values_are_taken_in_parts(self):
        for odd in (b"", b"a"):
            value = odd + b"\\\t\n" * (1 << 20)
            self.assertEqual(decode(encode(value)), value)
