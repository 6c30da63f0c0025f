"""The common part of both directions, by the flows of PostgreSQL."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.verdicts import PASS
from tests.support.playbook import Playbook
from tests.support.sessions import columns, complete, query, ready, row

REPLY = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()


class Chunks(SynchronousTestCase):
    def test_bytes_wait_while_a_verdict_is_awaited(self):
        flow = Playbook(inspects=["statement"]).request
        flow.feed(query(b"one"))
        work = flow.next_work()
        for piece in (query(b"two")[:3], query(b"two")[3:] + query(b"three")[:7]):
            flow.feed(piece)
        self.assertEqual(flow.take_output(), b"")
        self.assertFalse(flow.unfinished)
        flow.settle(work, PASS)
        work = flow.next_work()
        self.assertEqual(work.item.text, b"two")
        flow.settle(work, PASS)
        self.assertIsNone(flow.next_work())
        self.assertEqual(flow.take_output(), query(b"one") + query(b"two"))
        self.assertTrue(flow.unfinished)
        self.assertEqual(flow.unread, 7)

    def test_a_single_piece_of_output_is_not_copied(self):
        play = Playbook()
        request = query(b"one") + query(b"two")
        self.assertIs(play.client(request), request)
        self.assertIs(play.database(REPLY), REPLY)
        half = play.database(REPLY[:-6])
        self.assertEqual(half + play.database(REPLY[-6:]), REPLY)
        self.assertEqual((play.request.take_output(), play.response.take_output()), (b"", b""))

    def test_pieces_of_several_chunks_leave_together(self):
        play = Playbook()
        for piece in (query(b"one"), query(b"two")[:5], query(b"two")[5:]):
            self.assertIsNone(play.request.begin(piece))
        self.assertEqual(play.request.take_output(), query(b"one") + query(b"two"))

    def test_how_much_is_unread(self):
        """Negative of a message that has left in part."""
        play = Playbook()
        play.client(query(b"one"))
        play.database(columns(b"a") + row(b"x" * 100)[:50])
        self.assertEqual(play.response.unread, 50 - len(row(b"x" * 100)))
        self.assertTrue(play.response.unfinished)
        play.database(row(b"x" * 100)[50:])
        self.assertEqual((play.response.unread, play.response.unfinished), (0, False))
