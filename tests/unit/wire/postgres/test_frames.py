"""Startup packets, lengths, negotiation."""

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import CancelRequest, StartupPacket

words = st.binary(min_size=1, max_size=10).map(lambda b: b.replace(b"\0", b"0"))


class Startup(SynchronousTestCase):
    @given(st.integers(0, 65535), st.dictionaries(words, words, max_size=5))
    def test_round_trip(self, minor, parameters):
        packet = StartupPacket(minor, {b"user": b"u", **parameters})
        self.assertEqual(frames.decode_startup(packet.encode()), packet)

    def test_st9(self):
        head = frames.STARTUP_HEADER.pack(0, 3 << 16)
        for body in (
            b"",
            b"user\0u",
            b"user\0u\0",
            b"user\0u\0database\0\0",
            b"user\0u\0user\0u\0\0",
            b"user\0\0\0",
            b"\0",
            b"\0\0",
            b"database\0d\0\0",
            b"user\0u\0\0x\0",
        ):
            self.assertRaises(WireError, frames.decode_startup, head + body)

    def test_st11_other_majors(self):
        for major in (2, 4):
            data = frames.STARTUP_HEADER.pack(0, major << 16) + b"user\0u\0\0"
            self.assertRaises(WireError, frames.decode_startup, data)

    @given(st.binary(max_size=60))
    def test_random_bytes(self, data):
        try:
            frames.decode_startup(frames.STARTUP_HEADER.pack(0, 3 << 16) + data)
        except WireError:
            pass


class Reading(SynchronousTestCase):
    @given(
        st.lists(st.sampled_from([b"\0", b"a" * 7, b"b" * 63, b"c" * 64, b"d" * 100]), max_size=4),
        st.integers(0, 300),
    )
    def test_ends_of_strings(self, parts, start):
        data = b"".join(parts)
        self.assertEqual(frames.end_of_string(data, start), data.find(b"\0", start))

    @given(st.binary(min_size=5, max_size=20), st.integers(0, 20))
    def test_headers(self, data, start):
        if start + 5 > len(data):
            self.assertRaises((IndexError, struct.error), frames.header, data, start)
        else:
            expected = struct.unpack_from(">BI", data, start)
            self.assertEqual(frames.header(data, start), expected)
            self.assertEqual(frames.length_at(data, start), expected[1])


class Cancel(SynchronousTestCase):
    def test_st17_key_lengths(self):
        for size in (4, 32, 256):
            request = CancelRequest(7, b"k" * size)
            self.assertEqual(frames.decode_cancel(request.encode()), request)
        for size in (0, 3, 257):
            data = CancelRequest(7, b"k" * size).encode()
            self.assertRaises(WireError, frames.decode_cancel, data)


class Others(SynchronousTestCase):
    def test_lengths(self):
        frames.check_length("client", 81, 4, 10)
        for length in (0, 3):
            self.assertRaises(WireError, frames.check_length, "client", 81, length, 10)
        self.assertRaises(FrameTooLarge, frames.check_length, "client", 81, 11, 10)

    def test_negotiation(self):
        data = frames.encode_negotiation(2, [b"_pq_.a", b"_pq_.b"])
        self.assertEqual(frames.decode_negotiation(data[5:]), (2, [b"_pq_.a", b"_pq_.b"]))
        self.assertRaises(WireError, frames.decode_negotiation, b"\0")
        self.assertRaises(WireError, frames.decode_negotiation, data[5:-8])
