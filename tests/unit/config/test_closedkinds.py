"""Kinds of settings whose texts are shown to nobody."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.closedkinds import ASSIGNMENTS, STATEMENT
from acra_twisted.optionkinds import COMMAND, FILE, NAMES, TEXT, URL


class Kinds(SynchronousTestCase):
    def test_they_are_not_public_and_others_are(self):
        for kind in (ASSIGNMENTS, STATEMENT, COMMAND):
            self.assertFalse(kind.is_public)
        for kind in (TEXT, NAMES, FILE, URL):
            self.assertTrue(kind.is_public)

    def test_their_texts(self):
        self.assertEqual(ASSIGNMENTS.parse("a=b, c=d"), ("a=b", "c=d"))
        self.assertEqual(ASSIGNMENTS.render(("a=b", "c=d")), "a=b, c=d")
        self.assertEqual(STATEMENT.parse("SELECT $1"), "SELECT $1")
