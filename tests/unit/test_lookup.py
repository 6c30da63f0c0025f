"""Answers where nobody was asked."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.lookup import Found


class Lookups(SynchronousTestCase):
    def test_a_user_without_a_secret_is_shown_what_postgresql_would_show(self):
        found = Found(None)
        self.assertEqual((found.salt_size, found.iterations), (16, 4096))
        self.assertFalse(found.away)
