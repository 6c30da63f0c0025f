"""Packets of a file on their way to the database."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.mysql.uploads import Upload
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.mysql.frames import packets
from tests.support.sessions import make_session


class Line:
    """A file's way: ``first`` is the number that the database expects."""

    def __init__(self, first):
        self.buffer = ChunkBuffer()
        self.state = MysqlState(make_session(), mariadb=True, status=2, collation=45)
        self.state.upload = first
        self.upload = Upload()
        self.out = []

    def takes(self, data):
        self.buffer.feed(data)
        return self.upload.pass_on(self.buffer, self.state, self.out)


class Uploads(SynchronousTestCase):
    def test_the_object_that_came_leaves_if_numbers_agree(self):
        line = Line(2)
        data = packets(b"one", 2) + packets(b"", 3)
        self.assertTrue(line.takes(data))
        self.assertIs(line.out[0], data)
        self.assertEqual((line.upload.size, line.state.upload), (3, -1))

    def test_what_is_behind_the_end_stays(self):
        line = Line(2)
        self.assertTrue(line.takes(packets(b"", 2) + packets(b"\x0e", 0)))
        self.assertEqual(line.buffer.drain(), packets(b"\x0e", 0))

    @given(st.lists(st.binary(min_size=1, max_size=9), max_size=6), st.integers(1, 9), st.data())
    def test_numbers_of_the_database(self, pieces, size, data):
        first = data.draw(st.integers(0, 255))
        numbers = range(2, 3 + len(pieces))
        sent = b"".join(
            packets(piece, number & 0xFF)
            for piece, number in zip([*pieces, b""], numbers, strict=True)
        )
        expected = b"".join(
            packets(piece, (first + number - 2) & 0xFF)
            for piece, number in zip([*pieces, b""], numbers, strict=True)
        )
        line = Line(first)
        ends = [line.takes(sent[at : at + size]) for at in range(0, len(sent), size)]
        self.assertEqual(b"".join(line.out), expected)
        self.assertEqual((ends[-1], any(ends[:-1])), (True, False))
        self.assertEqual(line.upload.size, sum(map(len, pieces)))
