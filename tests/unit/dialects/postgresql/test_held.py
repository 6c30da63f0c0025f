"""Held bytes: order, release, splice, discard (whole flows are in test_request.py)."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.held import HeldBatch
from acra_twisted.dialects.postgresql.prepared import Portal
from acra_twisted.exchange import Exchange
from acra_twisted.outstanding import FORWARD
from tests.support.sessions import make_session


class Held(SynchronousTestCase):
    def setUp(self):
        self.session = make_session()
        self.batch = HeldBatch(self.session, 100)
        self.exchange = Exchange(self.session, "query", None, 1)

    def read(self, data, upto):
        self.batch.feed(data)
        self.batch._buffer.position = upto

    def out(self):
        self.batch._emit()
        return self.batch._taken()

    def test_bytes_of_earlier_chunks_go_first(self):
        self.read(b"one", 3)
        self.read(b"two", 3)
        self.assertEqual(self.out(), b"")
        self.batch._expected.append((FORWARD, replies.SYNC, self.exchange, None))
        self.batch._release(3)
        self.assertEqual(self.out(), b"onetwo")
        self.assertEqual(len(self.session.outstanding), 1)
        self.assertTrue(self.exchange.sent)

    def test_a_splice_and_a_splice_of_the_same(self):
        self.read(b"AAbbCC", 4)
        self.batch._splice(2, 4, b"x")
        self.batch._splice(2, 4, b"yyy")
        self.batch._buffer.position = 6
        self.batch._release(6)
        self.assertEqual(self.out(), b"AAyyyCC")

    def test_discarded_messages_are_not_answered(self):
        self.read(b"AAbb", 4)
        self.batch._expected.append((FORWARD, replies.BIND, self.exchange, Portal()))
        self.batch._discard(4)
        self.assertEqual((self.out(), self.exchange.outcome), (b"", "aborted"))
        self.session.discarding = True
        self.read(b"more", 4)
        self.batch._release(4)
        self.assertEqual(self.out(), b"")
