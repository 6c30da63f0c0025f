"""A challenge takes the same steps whatever is found for a user, and leaves nothing behind."""

import base64
import gc
import hashlib
import hmac
import sys

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.challenge import Challenge, ChallengePolicy, Unconvinced
from acra_twisted.fast import sealing
from acra_twisted.lookup import Found
from acra_twisted.wire.postgres.frames import message

_POLICY = ChallengePolicy(b"k" * 32, lambda: b"nonce-of-the-server-24bt")
_VERIFIER = b"SCRAM-SHA-256$4096:%b$%b:%b" % tuple(
    base64.b64encode(bytes([n]) * size) for n, size in ((1, 16), (2, 32), (3, 32))
)
#: All that can be found for a user whose password is wrong.
_FOUND = {
    "a secret": Found(_VERIFIER, "file"),
    "no user": Found(None),
    "no user, long ago": Found(None, "query", 9.0),
    "a secret of another kind": Found(b"md5" + b"0" * 32, "file"),
    "a damaged secret": Found(_VERIFIER[:-2] + b"!=", "file"),
    "nobody to ask": Found(None, away=True),
}
_FIRST = b"n,,n=,r=nonce-of-the-client-24bt"
_WRONG = base64.b64encode(bytes(32))


def attempt(found, user=b"somebody"):
    """Let a client fail."""
    challenge = Challenge(_POLICY, user, None)
    challenge.begin(found)
    asked = b"SCRAM-SHA-256\0" + len(_FIRST).to_bytes(4) + _FIRST
    challenge.feed(message(b"p", asked))
    nonce = _FIRST.rpartition(b"r=")[2] + _POLICY.nonce()
    try:
        challenge.feed(message(b"p", b"c=biws,r=" + nonce + b",p=" + _WRONG))
    except Unconvinced:
        return
    raise AssertionError("a wrong proof is let in")


class Likeness(SynchronousTestCase):
    def setUp(self):
        #: Each use of a hash: which one, and on how many bytes.
        self.taken = []
        for module, name in (
            (hmac, "compare_digest"),
            (hashlib, "sha256"),
            (hashlib, "pbkdf2_hmac"),
        ):
            self.note(module, name)

    def note(self, module, name):
        original = getattr(module, name)

        def noted(*arguments):
            self.taken.append((name, [len(a) for a in arguments if isinstance(a, bytes)]))
            return original(*arguments)

        self.patch(module, name, noted)

    def steps(self, found):
        self.taken.clear()
        attempt(found)
        return list(self.taken)

    def test_au1_the_same_steps_for_everybody(self):
        expected = self.steps(_FOUND["a secret"])
        # Four HMACs of two hashes each, and the one of the key that the proof gives.  What is made
        # in C is not seen; the same sources make it interpreted.
        seen = 1 if sealing.hmac else 9
        self.assertEqual([name for name, _ in expected].count("sha256"), seen)
        for name, found in _FOUND.items():
            self.assertEqual(self.steps(found), expected, name)

    def test_attempts_leave_nothing_behind(self):
        def many(count):
            for number in range(count):
                attempt(_FOUND["a secret" if number % 2 else "no user"], b"user%d" % number)
            self.taken.clear()
            gc.collect()
            return sys.getallocatedblocks()

        before = many(100)
        self.assertLess(many(1000) - before, 100)
