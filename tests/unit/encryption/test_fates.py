"""Fates of values on their way to a client."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.fates import DETOKENIZED, FAILED, MASKED, OPENED, PLAINTEXT, Fates
from acra_twisted.encryption.settings import ColumnSetting

NAME = ColumnSetting("", "people", "name")


class Counting(SynchronousTestCase):
    def test_the_rest_was_seen(self):
        fates = Fates(NAME)
        self.assertEqual(fates.counts(0), {})
        self.assertEqual(fates.counts(3), {(NAME, OPENED): 3})
        fates.masked, fates.failed, fates.plaintext = 1, 2, 3
        counted = {(NAME, MASKED): 1, (NAME, FAILED): 2, (NAME, PLAINTEXT): 3}
        self.assertEqual(fates.counts(6), counted)
        self.assertEqual(fates.counts(10), {**counted, (NAME, OPENED): 4})

    def test_tokens_have_a_name_of_their_own(self):
        self.assertEqual(Fates(NAME, DETOKENIZED).counts(2), {(NAME, DETOKENIZED): 2})
