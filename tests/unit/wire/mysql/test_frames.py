"""Payloads in parts."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.endreason import EndReason
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.mysql import frames
from acra_twisted.wire.mysql.frames import PART_MAX, Assembler

#: Payloads around the size of a part.
LARGE = (PART_MAX - 1, PART_MAX, PART_MAX + 1, 2 * PART_MAX)


def taken(chunks, limit=1 << 30):
    buffer = ChunkBuffer()
    assembler = Assembler("client", buffer, limit)
    found = []
    for chunk in chunks:
        buffer.feed(chunk)
        while packet := assembler.take():
            if packet.start >= 0:
                whole = buffer.data[packet.start : packet.end]
                found.append((packet, whole))
            else:
                found.append((packet, None))
        assembler.wait()
    return found, assembler


def pieces(data, cuts):
    """``data`` in chunks of these sizes, and the rest."""
    for cut in cuts:
        if data[:cut]:
            yield data[:cut]
        data = data[cut:]
    if data:
        yield data


class Sending(SynchronousTestCase):
    def test_parts(self):
        for size, heads in (
            (0, ["00000005"]),
            (3, ["03000005"]),
            (PART_MAX - 1, ["feffff05"]),
            (PART_MAX, ["ffffff05", "00000006"]),
            (PART_MAX + 23, ["ffffff05", "17000006"]),
        ):
            sent = frames.packets(b"x" * size, 5)
            self.assertEqual(frames.following(5, size), 5 + len(heads))
            self.assertEqual(len(sent), size + 4 * len(heads))
            self.assertEqual(sent[:4].hex(), heads[0])
            if len(heads) > 1:
                self.assertEqual(sent[4 + PART_MAX : 8 + PART_MAX].hex(), heads[1])

    def test_numbers_begin_anew(self):
        self.assertEqual(frames.following(255, 1), 0)
        sent = frames.packets(b"x" * PART_MAX, 255)
        self.assertEqual(sent[-4:].hex(), "00000000")
        self.assertEqual(frames.following(255, PART_MAX), 1)


class Receiving(SynchronousTestCase):
    @given(
        st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 255)), max_size=5),
        st.lists(st.integers(1, 20)),
    )
    def test_however_they_come_in(self, payloads, cuts):
        sent = [frames.packets(*payload) for payload in payloads]
        found, assembler = taken(pieces(b"".join(sent), cuts))
        self.assertEqual([(p.payload, p.sequence) for p, _ in found], payloads)
        self.assertEqual([whole for _, whole in found], sent)
        for packet, _ in found:
            self.assertEqual(packet.following, (packet.sequence + 1) % 256)
        self.assertFalse(assembler.unfinished)

    def test_large_ones(self):
        for size in LARGE:
            payload = b"y" * size
            sent = frames.packets(payload, 255)
            for chunks in ([sent], pieces(sent, [3, PART_MAX, 2, 2])):
                found, assembler = taken(chunks)
                ((packet, _),) = found
                self.assertTrue(packet.payload == payload)
                self.assertEqual(packet.sequence, 255)
                self.assertEqual(packet.following, frames.following(255, size))
                self.assertFalse(assembler.unfinished)
                self.assertEqual(assembler.held, 0)

    def test_parts_of_one_that_is_not_whole_are_held(self):
        sent = frames.packets(b"y" * (PART_MAX + 1), 0)
        for end in (PART_MAX + 4, PART_MAX + 5, PART_MAX + 8):
            found, assembler = taken([sent[:end]])
            self.assertEqual(found, [])
            self.assertTrue(assembler.unfinished)
            self.assertEqual(assembler.held, PART_MAX + 4)

    def test_some_of_one(self):
        sent = frames.packets(b"x" * PART_MAX, 0)
        for cut in (1, 4, 100, PART_MAX + 4, PART_MAX + 7):
            found, assembler = taken([sent[:cut]])
            self.assertEqual(found, [])
            self.assertTrue(assembler.unfinished)

    def test_fr13_limit_before_the_bytes(self):
        """The header alone is refused, whatever part it heads."""
        taken([frames.packets(b"12345", 0)], limit=5)
        for data in (frames.header(6, 0), frames.header(PART_MAX, 0)):
            error = self.assertRaises(FrameTooLarge, taken, [data], 5)
            self.assertEqual(error.side, "client")
        first = frames.packets(b"x" * PART_MAX, 0)[:-4]
        self.assertRaises(FrameTooLarge, taken, [first, frames.header(2, 1)], PART_MAX + 1)
        self.assertRaises(FrameTooLarge, taken, [first, frames.header(PART_MAX, 1)], PART_MAX + 1)

    def test_ms9_parts_out_of_order(self):
        first = frames.packets(b"x" * PART_MAX, 0)[:-4]
        for number in (0, 2, 255):
            data = [first, frames.header(0, number)]
            error = self.assertRaises(WireError, taken, data)
            self.assertIs(error.reason, EndReason.SEQUENCE)

    @given(st.lists(st.binary(min_size=1, max_size=20), max_size=10))
    def test_any_bytes(self, chunks):
        try:
            found, _ = taken(chunks, 10)
        except FrameTooLarge:
            return
        self.assertTrue(all(len(packet.payload) <= 10 for packet, _ in found))
