"""What both directions share."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.held import HeldBatch
from tests.support.sessions import make_session


def make_flow():
    """One that has the bytes of the client's direction, and no messages."""
    return HeldBatch(make_session(), 100)


class Chunks(SynchronousTestCase):
    def test_bytes_wait_while_a_verdict_is_awaited(self):
        flow = make_flow()
        flow._unsettled = True
        flow.feed(b"a")
        flow.feed(b"b")
        self.assertFalse(flow.unfinished)
        flow._unsettled = False
        flow._load_waiting()
        self.assertEqual(flow._buffer.data, b"ab")
        self.assertTrue(flow.unfinished)

    def test_a_single_piece_of_output_is_not_copied(self):
        flow = make_flow()
        piece = b"some bytes"
        flow._out.append(piece)
        self.assertIs(flow._taken(), piece)
        flow._out += [b"a", b"b"]
        self.assertEqual((flow._taken(), flow._taken()), (b"ab", b""))
