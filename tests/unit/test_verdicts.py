"""The closed set of verdicts."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.verdicts import PASS, Deny, Hangup, Replace


class Verdicts(SynchronousTestCase):
    def test_forms(self):
        self.assertEqual(repr(PASS), "PASS")
        self.assertEqual(Replace(3).item, 3)
        self.assertEqual(Hangup("why").reason, "why")
        deny = Deny()
        self.assertEqual((deny.sqlstate, deny.reason), (b"42000", deny.text))
        self.assertEqual(Deny(reason="rule").reason, "rule")
