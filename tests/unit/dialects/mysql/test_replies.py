"""Entries of the queue."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies


class Replies(SynchronousTestCase):
    def test_a_plain_reply_follows_a_command_of_one_packet(self):
        plain = replies.PLAIN
        self.assertEqual(plain.sequence, 1)
        self.assertEqual((plain.answer, plain.prepared, plain.schema), (b"", None, None))
        self.assertFalse(plain.local)
        self.assertEqual(plain.changes, replies.KEEPS)

    def test_codes_differ(self):
        codes = (
            *(replies.RESULT, replies.PREPARE, replies.FETCH, replies.ONE),
            *(replies.TEXT, replies.AUTH, replies.FIELDS),
        )
        self.assertEqual(len(set(codes)), 7)
