"""Entries of the queue."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.verdicts import Deny, broken


class Replies(SynchronousTestCase):
    def test_a_plain_reply_follows_a_command_of_one_packet(self):
        plain = replies.PLAIN
        self.assertEqual(plain.sequence, 1)
        self.assertEqual((plain.answer, plain.prepared, plain.schema), (b"", None, None))
        self.assertFalse(plain.files)
        self.assertEqual(plain.changes, replies.KEEPS)

    def test_codes_differ(self):
        codes = (
            *(replies.RESULT, replies.PREPARE, replies.FETCH),
            *(replies.ONE, replies.TEXT, replies.AUTH),
        )
        self.assertEqual(len(set(codes)), 6)

    def test_a_denial_is_acra_s_with_its_state(self):
        self.assertEqual(
            replies.denial(Deny("AcraCensor blocked this query")),
            bytes.fromhex("ff2505233730313030") + b"AcraCensor blocked this query",
        )

    def test_a_hint_stands_behind_the_text(self):
        payload = replies.denial(Deny("it is refused", hint="Write another."))
        self.assertTrue(payload.endswith(b"it is refused. Write another."))

    def test_any_other_refusal_is_an_error_of_the_proxy(self):
        payload = replies.denial(broken("decryptor"))
        self.assertEqual(payload[:9], bytes.fromhex("ff5104234859303030"))
        self.assertTrue(payload.endswith(b"stage decryptor failed"))
