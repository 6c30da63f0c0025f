"""Tokens in the place of the values of one statement."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.issuing import FoundTokens, IssuedTokens


class Issuing(SynchronousTestCase):
    def test_each_token_is_used_once(self):
        issued = IssuedTokens([(b"a", b"x"), (b"b", b"y"), (b"a", b"z"), (b"", b"")])
        stored = [issued.store(value, os.urandom) for value in (b"a", b"b", b"a", b"")]
        self.assertEqual(sorted(one.data for one in stored), [b"", b"x", b"y", b"z"])
        self.assertEqual([one.passed for one in stored], [False] * 4)
        self.assertRaises(IndexError, issued.store, b"a", os.urandom)

    def test_a_value_is_found_as_often_as_it_is_looked_for(self):
        found = FoundTokens([(b"a", b"x"), (b"a", b"x")])
        self.assertEqual([found.forms(b"a"), found.forms(b"a"), found.width], [[b"x"], [b"x"], 1])
