"""Passwords in clear that end here."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.challenge import ChallengePolicy, Proof
from acra_twisted.dialects.postgresql.passwordchallenge import PasswordChallenge
from acra_twisted.dialects.postgresql.passwordmessages import Unconvinced
from acra_twisted.loginactions import Derive
from acra_twisted.lookup import Found
from acra_twisted.wire.postgres.backend import AUTH_CLEARTEXT, encode_authentication
from acra_twisted.wire.postgres.frames import message
from acra_twisted.wire.scram import keys_of, read_verifier, salted
from tests.support.loginvectors import group

SECRET = group("conversations")["verifier"].encode()
VERIFIER = read_verifier(SECRET)
FOUND = Found(SECRET, "file")
POLICY = ChallengePolicy(bytes(32), lambda: b"s" * 24)
RIGHT = message(b"p", b"secret\0")


def asked(found=FOUND):
    challenge = PasswordChallenge(POLICY, b"alice")
    assert challenge.begin(found) == encode_authentication(AUTH_CLEARTEXT)
    return challenge


def judged(found, password=b"secret"):
    challenge = asked(found)
    _, wanted = challenge.feed(message(b"p", password + b"\0"))
    return challenge.derived(salted(*wanted))


class Passwords(SynchronousTestCase):
    def test_a_right_one_gives_the_key_for_the_database(self):
        proof = judged(FOUND)
        keys = keys_of(salted(b"secret", VERIFIER.salt, VERIFIER.iterations))
        self.assertEqual(proof, Proof(b"alice", keys.client, VERIFIER, b""))

    def test_it_is_derived_by_the_host_in_pieces_or_whole(self):
        challenge = asked()
        for at in range(len(RIGHT) - 1):
            self.assertEqual(challenge.feed(RIGHT[at : at + 1]), (b"", None))
        wanted = Derive(b"secret", VERIFIER.salt, VERIFIER.iterations)
        self.assertEqual(challenge.feed(RIGHT[-1:] + b"more"), (b"", wanted))
        self.assertEqual(challenge.rest(), b"more")

    def test_au1_a_user_without_a_secret_takes_the_same_way(self):
        errors = []
        for found, password in (
            (FOUND, b"wrong"),
            (Found(None), b"secret"),
            (Found(b"md5" + b"0" * 32), b"secret"),
        ):
            error = self.assertRaises(Unconvinced, judged, found, password)
            errors.append((error.result, error.sqlstate, str(error)))
        self.assertEqual([result for result, *_ in errors], ["password", "unknown", "unknown"])
        self.assertEqual(len({told for _, *told in map(list, errors) for told in [tuple(told)]}), 1)

    def test_a_user_without_a_secret_is_not_let_in_by_the_key_that_is_shown(self):
        challenge = asked(Found(None))
        challenge.feed(RIGHT)
        for key in (bytes(32), b"x" * 32):
            self.assertRaises(Unconvinced, challenge.derived, key)

    def test_a_source_that_is_away(self):
        error = self.assertRaises(Unconvinced, judged, Found(None, away=True))
        self.assertEqual((error.result, error.sqlstate), ("source", b"08006"))

    def test_what_is_no_password(self):
        for said in (message(b"p", b"secret"), message(b"Q", b""), b"p" + bytes((0, 0, 9, 0))):
            error = self.assertRaises(Unconvinced, asked().feed, said)
            self.assertEqual(error.result, "malformed")
            self.assertNotIn("secret", str(error))

    @given(st.binary(max_size=60))
    def test_any_bytes_are_a_password_or_none(self, data):
        try:
            _, wanted = asked().feed(data)
        except Unconvinced:
            return
        self.assertTrue(wanted is None or b"\0" not in wanted.password)
