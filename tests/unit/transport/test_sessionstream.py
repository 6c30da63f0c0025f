"""Frames in, a stream out, and back: cut anywhere, over at the first that is wrong."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import CryptoError
from acra_twisted.transport.sessionstream import PIECE, SessionStream
from acra_twisted.wire.link import lengthprefix
from tests.unit.themis.test_session import established


class Stream(SynchronousTestCase):
    def setUp(self):
        self.sent, self.got, self.why = [], [], []
        near, far = established()
        self.near = SessionStream(near, self.sent.append, self.fail, self.fail)
        self.far = SessionStream(far, self.fail, self.got.append, self.why.append)

    @given(st.lists(st.binary(max_size=30), max_size=5), st.integers(1, 40))
    def test_cut_anywhere(self, pieces, size):
        self.setUp()
        for piece in pieces:
            self.near.write(piece)
        data = b"".join(self.sent)
        for start in range(0, len(data), size):
            self.far.received(data[start : start + size])
        self.assertEqual((b"".join(self.got), self.why), (b"".join(pieces), []))

    def test_much_goes_in_several_messages_and_one_write(self):
        self.near.write(bytes(2 * PIECE + 1))
        (data,) = self.sent
        self.far.received(data)
        self.assertEqual(self.got, [bytes(2 * PIECE + 1)])

    def test_what_is_wrong_ends_it(self):
        self.near.write(b"first")
        self.near.write(b"second")
        self.far.received(self.sent[0] + self.sent[0] + self.sent[1])
        self.far.received(self.sent[1])
        self.assertEqual((self.got, [f.type for f in self.why]), ([], [CryptoError]))
        self.far.write(b"nobody reads it")

    def test_random_bytes(self):
        self.far.received(lengthprefix.encode(bytes(100)))
        self.assertEqual([f.type for f in self.why], [CryptoError])

    def test_stopped(self):
        self.near.write(b"x")
        self.near.stop()
        self.near.write(b"y")
        self.assertEqual(len(self.sent), 1)
