"""Words of the grammar."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import words


class Words(SynchronousTestCase):
    def test_a_word_that_begins_a_clause_is_no_name(self):
        for word in ("select", "from", "where", "on", "using", "limit", "returning", "union"):
            self.assertIn(word, words.RESERVED)

    def test_common_names_of_columns_are_names(self):
        self.assertTrue(
            words.RESERVED.isdisjoint(("id", "name", "email", "date", "status", "value"))
        )
