"""Values that are compared by their parts."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.authentication import Mediated
from acra_twisted.loginactions import Fail, LookUp, Proven, Write
from acra_twisted.lookup import Found
from acra_twisted.wire.scram import Verifier


class Records(SynchronousTestCase):
    def test_they_are_equal_if_all_their_parts_are(self):
        for kind, parts in (
            (Write, ("client", b"data")),
            (Fail, (b"an error", True)),
            (LookUp, (b"ann", b"books")),
            (Proven, (b"ann", "scram", True, b"books")),
            (Mediated, (b"to", b"from", ())),
            (Found, (b"secret", "file", 0.0, False, 16, 4096, False)),
            (Verifier, (4096, b"salt", b"stored", b"server")),
        ):
            one = kind(*parts)
            self.assertEqual(one, kind(*parts))
            self.assertEqual(hash(one), hash(kind(*parts)))
            for number in range(len(parts)):
                other = [*parts[:number], b"other", *parts[number + 1 :]]
                if type(parts[number]) is bytes:
                    self.assertNotEqual(one, kind(*other))

    def test_others_of_the_same_parts_are_not_equal(self):
        self.assertNotEqual(LookUp(b"a", b"b"), Mediated(b"a", b"b"))
        self.assertNotEqual(LookUp(b"a", b"b"), (b"a", b"b"))

    def test_secrets_are_not_shown(self):
        self.assertNotIn("secret", repr(Found(b"a secret")))
