"""The carry-over buffer."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.framing import ChunkBuffer


class Buffer(SynchronousTestCase):
    @given(st.binary(max_size=200), st.lists(st.integers(1, 20)))
    def test_frames_come_out_whole_however_they_come_in(self, data, cuts):
        """Frames of 7 bytes, collected through wait_for."""
        buffer, frames, rest = ChunkBuffer(), [], data
        for cut in [*cuts, len(data) or 1]:
            chunk, rest = rest[:cut], rest[cut:]
            if chunk:
                buffer.feed(chunk)
            while len(buffer.data) - buffer.position >= 7:
                frames.append(buffer.data[buffer.position : buffer.position + 7])
                buffer.position += 7
            if buffer.position < len(buffer.data):
                buffer.wait_for(7)
        self.assertEqual(frames, [data[i : i + 7] for i in range(0, len(data) - 6, 7)])
        self.assertEqual(len(buffer), len(data) % 7)
        self.assertEqual(buffer.drain(), data[len(data) - len(data) % 7 :])

    def test_a_chunk_is_not_copied(self):
        buffer, chunk = ChunkBuffer(), b"some bytes"
        buffer.feed(chunk)
        self.assertIs(buffer.data, chunk)

    def test_a_large_frame_is_joined_once(self):
        buffer = ChunkBuffer()
        buffer.feed(b"x")
        buffer.wait_for(1000)
        for _ in range(998):
            buffer.feed(b"y")
            self.assertEqual(buffer.data, b"")
        buffer.feed(b"z")
        self.assertEqual(len(buffer.data), 1000)

    def test_feeding_behind_unread_bytes(self):
        buffer = ChunkBuffer()
        buffer.feed(b"abc")
        buffer.position = 1
        buffer.feed(b"def")
        self.assertEqual(buffer.drain(), b"bcdef")
