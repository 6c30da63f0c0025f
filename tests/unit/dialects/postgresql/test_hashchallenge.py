"""MD5 passwords that end here, by PostgreSQL's own vectors."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.authentication import Mediated
from acra_twisted.dialects.postgresql.hashchallenge import (
    HashChallenge,
    HashLogin,
    HashProof,
    answer,
    is_hash,
)
from acra_twisted.dialects.postgresql.passwordmessages import Unconvinced
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import Stale, Unproven
from acra_twisted.lookup import Found
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.backend import encode_authentication, encode_error
from acra_twisted.wire.postgres.frames import message
from tests.support.loginvectors import cases
from tests.support.sessions import make_session

(CASE,) = cases("md5")
SECRET, SALT = CASE["stored"].encode(), bytes.fromhex(CASE["salt"])
USER, ANSWER = CASE["user"].encode(), CASE["answer"].encode()
RIGHT = message(b"p", ANSWER + b"\0")
PROOF = HashProof(USER, SECRET)
QUESTION = encode_authentication(backend.AUTH_MD5, SALT)


class Hashes(SynchronousTestCase):
    def test_the_answer_of_a_client(self):
        self.assertEqual(answer(SECRET, SALT), ANSWER)

    def test_what_is_one(self):
        self.assertTrue(is_hash(SECRET))
        for secret in (None, b"", SECRET[:-1], b"x" * 35, b"SCRAM-SHA-256$4096:..."):
            self.assertFalse(is_hash(secret))


class Challenges(SynchronousTestCase):
    def asked(self):
        challenge = HashChallenge(USER, SALT)
        self.assertEqual(challenge.begin(Found(SECRET, "file")), QUESTION)
        return challenge

    def test_a_proof_and_what_is_behind_it(self):
        challenge = self.asked()
        for at in range(len(RIGHT) - 1):
            self.assertEqual(challenge.feed(RIGHT[at : at + 1]), (b"", None))
        self.assertEqual(challenge.feed(RIGHT[-1:] + b"more"), (b"", PROOF))
        self.assertEqual(challenge.rest(), b"more")
        self.assertEqual((challenge.method, challenge.bound), ("md5", False))

    def test_wrong_answers(self):
        other = answer(SECRET, b"\0\0\0\0")
        for said, result in (
            (message(b"p", other + b"\0"), "password"),
            (message(b"p", SECRET + b"\0"), "password"),
            (message(b"p", b"\0"), "password"),
            (message(b"p", ANSWER), "malformed"),
            (message(b"Q", b""), "malformed"),
            (b"p" + (5000).to_bytes(4, "big"), "malformed"),
        ):
            error = self.assertRaises(Unconvinced, self.asked().feed, said)
            self.assertEqual(error.result, result)
            self.assertNotIn(CASE["stored"][3:], str(error))

    @given(st.binary(max_size=60))
    def test_any_bytes_are_no_proof(self, data):
        try:
            _, proof = self.asked().feed(data)
        except Unconvinced:
            return
        self.assertIsNone(proof)


def login(may_answer=True):
    return HashLogin(make_session(ready=False), PROOF, may_answer)


class Logins(SynchronousTestCase):
    def test_the_database_gets_the_clients_answer(self):
        made = login()
        self.assertEqual(made.from_database(QUESTION), Mediated(to_database=RIGHT))
        welcome = encode_authentication(backend.AUTH_OK)
        self.assertEqual(made.from_database(welcome), Mediated(welcome))

    def test_au5_no_answer_without_tls(self):
        error = self.assertRaises(WireError, login(False).from_database, QUESTION)
        self.assertIn("without TLS", str(error))
        self.assertIs(error.reason, EndReason.LOGIN)

    def test_a_database_that_has_a_verifier_by_now(self):
        offer = backend.encode_sasl([b"SCRAM-SHA-256"])
        found = login().from_database(offer)
        stale, unproven = found.actions
        self.assertEqual(stale, Stale(USER))
        self.assertIsInstance(unproven, Unproven)
        self.assertEqual((unproven.result, unproven.method), ("database", "md5"))
        self.assertIn(b"28P01", unproven.error)

    def test_other_questions_are_refused_by_name(self):
        for kind, name in ((3, "cleartext"), (7, "GSSAPI"), (9, "SSPI"), (99, "unknown")):
            made = login()
            error = self.assertRaises(WireError, made.from_database, encode_authentication(kind))
            self.assertIn(name, str(error))
        short = encode_authentication(backend.AUTH_MD5, b"x")
        self.assertRaises(WireError, login().from_database, short)

    def test_a_refused_answer_makes_the_secret_stale(self):
        made = login()
        for sqlstate, actions in ((b"28P01", (Stale(USER),)), (b"53300", ())):
            error = encode_error(b"FATAL", sqlstate, "no")
            self.assertEqual(made.refused(error, {"C": sqlstate}), Mediated(error, b"", actions))

    def test_the_client_was_proven_before(self):
        self.assertEqual(login().admitted(USER, b"orders"), ())

    def test_the_client_is_asked_nothing(self):
        self.assertRaises(WireError, login().from_client, b"x")
