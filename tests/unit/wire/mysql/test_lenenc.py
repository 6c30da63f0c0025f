"""Length-encoded numbers and strings."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import lenenc

WIDTHS = (0, 250, 251, 0xFFFF, 0x10000, 0xFFFFFF, 0x1000000, 2**64 - 1)


class Numbers(SynchronousTestCase):
    def test_each_width(self):
        for number, encoded in (
            (0, "00"),
            (250, "fa"),
            (251, "fcfb00"),
            (0xFFFF, "fcffff"),
            (0x10000, "fd000001"),
            (0xFFFFFF, "fdffffff"),
            (0x1000000, "fe0000000100000000"),
            (2**64 - 1, "feffffffffffffffff"),
        ):
            data = bytes.fromhex(encoded)
            self.assertEqual(lenenc.encode_int(number), data)
            self.assertEqual(lenenc.read_int(data, 0, "client"), (number, len(data)))

    def test_longer_than_needed(self):
        for encoded in ("fc0100", "fd010000", "fe0100000000000000"):
            data = bytes.fromhex(encoded)
            self.assertEqual(lenenc.read_int(data, 0, "client"), (1, len(data)))

    def test_none(self):
        for encoded in ("", "fb", "ff", "fc", "fc01", "fd0101", "fe00000000", "fe00000000000000"):
            data = bytes.fromhex(encoded)
            for read in (lenenc.read_int, lenenc.read_bytes, lenenc.skip):
                error = self.assertRaises(WireError, read, data, 0, "client")
                self.assertEqual(error.side, "client")

    def test_more_than_64_bits(self):
        self.assertRaises(OverflowError, lenenc.encode_int, 2**64)

    @given(st.sampled_from(WIDTHS) | st.integers(0, 2**64 - 1), st.binary(max_size=5))
    def test_round_trip(self, number, before):
        data = before + lenenc.encode_int(number)
        self.assertEqual(lenenc.read_int(data, len(before), "client"), (number, len(data)))
        for cut in range(len(before), len(data)):
            self.assertRaises(WireError, lenenc.read_int, data[:cut], len(before), "client")


class Strings(SynchronousTestCase):
    @given(st.binary(max_size=300), st.binary(max_size=5), st.binary(max_size=5))
    def test_round_trip(self, text, before, after):
        data = before + lenenc.encode_bytes(text) + after
        end = len(data) - len(after)
        self.assertEqual(lenenc.read_bytes(data, len(before), "database"), (text, end))
        self.assertEqual(lenenc.skip(data, len(before), "database"), end)
        for read in (lenenc.read_bytes, lenenc.skip):
            self.assertRaises(WireError, read, data[: end - 1], len(before), "database")

    def test_fr13_lengths_far_past_the_end(self):
        for size in (5, 2**24, 2**63, 2**64 - 1):
            data = lenenc.encode_int(size) + b"four"
            self.assertRaises(WireError, lenenc.read_bytes, data, 0, "client")
            self.assertRaises(WireError, lenenc.skip, data, 0, "client")

    @given(st.binary(max_size=40), st.integers(0, 40))
    def test_any_bytes(self, data, at):
        for read in (lenenc.read_int, lenenc.read_bytes, lenenc.read_string, lenenc.skip):
            try:
                found = read(data, at, "client")
            except WireError:
                continue
            end = found if isinstance(found, int) else found[1]
            self.assertTrue(at < end <= len(data))


class Fields(SynchronousTestCase):
    def test_fixed_widths(self):
        data = bytes.fromhex("0a0102030461620063")
        for found, expected in (
            (lenenc.read_uint8(data, 0, "client"), (10, 1)),
            (lenenc.read_uint16(data, 1, "client"), (0x0201, 3)),
            (lenenc.read_uint32(data, 1, "client"), (0x04030201, 5)),
            (lenenc.read_string(data, 5, "client"), (b"ab", 8)),
            (lenenc.read_fixed(data, 5, 4, "client"), (b"ab\0c", 9)),
            (lenenc.read_fixed(data, 9, 0, "client"), (b"", 9)),
        ):
            self.assertEqual(found, expected)

    def test_cut_short(self):
        data = b"abc"
        for read, at in (
            (lenenc.read_uint8, 3),
            (lenenc.read_uint16, 2),
            (lenenc.read_uint32, 0),
            (lenenc.read_string, 0),
            (lenenc.read_string, 3),
        ):
            self.assertRaises(WireError, read, data, at, "client")
        self.assertRaises(WireError, lenenc.read_fixed, data, 1, 3, "client")
