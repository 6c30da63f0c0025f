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

    def test_a_denial_without_a_text_names_its_stage_and_stays_what_it_was(self):
        given = {"sqlstate": b"0A000", "errno": 1235, "reason": "why", "rule": "which", "code": 7}
        given |= {"column": "people.name", "routine": "here", "hint": "Write another."}
        deny = Deny(**given).of_stage("encryptor")
        self.assertEqual(deny.text, "refused by stage encryptor")
        self.assertEqual({name: getattr(deny, name) for name in given}, given)
        self.assertIs(deny.of_stage("another"), deny)
