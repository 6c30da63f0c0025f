"""Logging in to a database with the key of a client's proof."""

from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.dialects.postgresql.authentication import Mediated
from acra_twisted.dialects.postgresql.challenge import ChallengePolicy, Proof
from acra_twisted.dialects.postgresql.keylogin import KeyLogin
from acra_twisted.dialects.postgresql.passwordmessages import wrong_password
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import Stale, Unproven
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.backend import encode_authentication as authentication
from acra_twisted.wire.postgres.backend import encode_error
from acra_twisted.wire.postgres.frames import message
from acra_twisted.wire.scram import (
    PLAIN,
    PLUS,
    ScramError,
    ServerConversation,
    Verifier,
    keys_of,
    read_verifier,
    salted,
)
from tests.support.loginvectors import group
from tests.support.sessions import make_session, messages

VERIFIER = read_verifier(group("conversations")["verifier"].encode())
KEYS = keys_of(salted(b"secret", VERIFIER.salt, VERIFIER.iterations))
PROOF = Proof(b"alice", KEYS.client, VERIFIER, b"v=the client's")
END_POINT = b"the hash of the database's certificate"
WELCOME = authentication(backend.AUTH_OK)
IN = Mediated(authentication(12, PROOF.last) + WELCOME)
BOTH = backend.encode_sasl([PLUS, PLAIN])
ONE = backend.encode_sasl([PLAIN])
FAILED = encode_error(b"FATAL", b"08006", "could not log in to the database")


class Case(SynchronousTestCase):
    def make(self, encrypted=True, end_point=END_POINT, rule="prefer"):
        policy = ChallengePolicy(bytes(32), lambda: b"ours", database_binding=rule)
        self.session = make_session(ready=False)
        self.login = KeyLogin(self.session, policy, PROOF, True, encrypted, end_point)
        return self.login

    def say(self, message):
        """The database says something; returned is what it gets."""
        found = self.login.from_database(message)
        self.assertEqual((found.to_client, found.actions), (b"", ()))
        return found.to_database

    def begin(self, offer, end_point=END_POINT, verifier=VERIFIER):
        """Play the database up to its first message; returned is what it has to answer with."""
        ((_, body),) = messages(self.say(offer))
        mechanism, _, rest = body.partition(b"\0")
        offered = backend.sasl_mechanisms(offer[5:])
        self.database = ServerConversation(verifier, b"theirs", offered, end_point)
        self.assertEqual(int.from_bytes(rest[:4], "big"), len(rest) - 4)
        return authentication(11, self.database.begin(mechanism, rest[4:]))

    def prove(self, first):
        ((kind, body),) = messages(self.say(first))
        self.assertEqual(kind, "p")
        return body

    def assert_fails(self, found, code=None, error=FAILED):
        self.assertEqual((found.to_client, found.to_database), (b"", b""))
        self.assertEqual(found.actions[-1], Unproven("database", error, "scram", True))
        told = [event[0] for event in self.session.observer.events]
        self.assertEqual(told, [code] if code else [])


class Logins(Case):
    def test_a_role_of_tokens_is_refused_by_name(self):
        offer = backend.encode_sasl([b"OAUTHBEARER"])
        error = self.assertRaises(WireError, self.make().from_database, offer)
        self.assertIn("OAUTHBEARER", str(error))
        self.assertIs(error.reason, EndReason.LOGIN)

    def test_the_client_hears_of_it_when_the_database_has_let_it_in(self):
        for offer, encrypted, end_point, bound in (
            (BOTH, True, END_POINT, True),
            (BOTH, True, None, False),
            (ONE, True, END_POINT, False),
            (ONE, False, None, False),
        ):
            login = self.make(encrypted, end_point)
            first = self.begin(offer)
            self.assertEqual(self.database.finish(self.prove(first)), KEYS.client)
            self.assertEqual(self.database.bound, bound)
            self.assertEqual(
                login.from_database(authentication(12, self.database.last)), Mediated()
            )
            self.assertEqual(login.from_database(WELCOME), IN)

    def test_a_database_that_asks_for_nothing(self):
        self.assertEqual(self.make().from_database(WELCOME), IN)

    def test_the_proof_holds_for_the_database_that_was_seen_alone(self):
        self.make()
        first = self.begin(BOTH, b"another certificate's")
        self.assertRaises(ScramError, self.database.finish, self.prove(first))

    def test_binding_may_be_required_or_left(self):
        self.make(rule="disable")
        self.database_is_not_bound(BOTH)
        for offer, end_point in ((ONE, END_POINT), (BOTH, None)):
            login = self.make(end_point=end_point, rule="require")
            error = self.assertRaises(WireError, login.from_database, offer)
            self.assertEqual(error.reason, EndReason.LOGIN)
        error = self.assertRaises(WireError, self.make(rule="require").from_database, WELCOME)
        self.assertIn("binding", str(error))

    def database_is_not_bound(self, offer):
        first = self.begin(offer)
        self.assertIsNotNone(self.database.finish(self.prove(first)))
        self.assertFalse(self.database.bound)


class Failures(Case):
    def test_a_secret_that_is_not_the_databases_gives_no_proof_away(self):
        for salt, iterations in ((b"other", VERIFIER.iterations), (VERIFIER.salt, 1)):
            other = Verifier(iterations, salt, VERIFIER.stored_key, VERIFIER.server_key)
            login = self.make()
            found = login.from_database(self.begin(BOTH, verifier=other))
            self.assert_fails(found, error=wrong_password(b"alice"))
            self.assertEqual(found.actions[0], Stale(b"alice"))

    def test_a_database_that_does_not_know_the_secret(self):
        login = self.make()
        self.prove(self.begin(BOTH))
        found = login.from_database(authentication(12, b"v=" + b64encode(bytes(32))))
        self.assert_fails(found, events.DATABASE_UNPROVEN)

    def test_a_database_that_lets_in_without_having_proven_itself(self):
        for steps in (1, 2):
            login = self.make()
            first = self.begin(BOTH)
            if steps == 2:
                self.prove(first)
            self.assert_fails(login.from_database(WELCOME), events.DATABASE_UNPROVEN)

    def test_plus_without_tls_is_an_attack(self):
        self.assert_fails(self.make(False, None).from_database(BOTH), events.DATABASE_UNPROVEN)

    def test_an_answer_to_another_nonce(self):
        login = self.make()
        self.begin(BOTH)
        found = login.from_database(authentication(11, b"r=other,s=YQ==,i=1"))
        self.assert_fails(found, events.DATABASE_UNPROVEN)

    def test_other_kinds_of_password(self):
        for kind, named in ((3, "cleartext"), (5, "MD5"), (7, "GSSAPI"), (9, "SSPI"), (99, "")):
            error = self.assertRaises(
                WireError, self.make().from_database, authentication(kind, b"salt")
            )
            self.assertEqual(error.reason, EndReason.LOGIN)
            self.assertIn(named, str(error))
            self.assertIn("pg_hba.conf must say scram-sha-256", str(error))
        other = backend.encode_sasl([b"OAUTHBEARER"])
        self.assertRaises(WireError, self.make().from_database, other)

    def test_out_of_turn(self):
        for kind in (11, 12):
            self.assertRaises(WireError, self.make().from_database, authentication(kind, b"x"))
        login = self.make()
        self.begin(BOTH)
        self.assertRaises(WireError, login.from_database, BOTH)

    def test_the_client_is_asked_for_nothing(self):
        error = self.assertRaises(WireError, self.make().from_client, b"secret\0")
        self.assertEqual(error.side, "client")

    @given(
        st.lists(st.tuples(st.sampled_from((0, 3, 10, 11, 12)), st.binary(max_size=50)), max_size=4)
    )
    def test_whatever_a_database_says(self, said):
        login = self.make()
        for kind, data in said:
            try:
                found = login.from_database(authentication(kind, data))
            except WireError:
                return
            if any(type(action) is Unproven for action in found.actions):
                return
            self.assertTrue(kind != 0 or found.to_client.endswith(authentication(0, data)))


class Errors(Case):
    def error(self, sqlstate):
        text = encode_error(b"FATAL", sqlstate, "no")
        return text, backend.decode_error(text[5:])

    def test_they_are_the_clients(self):
        for sqlstate in (b"28P01", b"28000", b"53300"):
            said, fields = self.error(sqlstate)
            self.assertEqual(self.make().refused(said, fields), Mediated(said))

    def test_a_wrong_password_means_that_the_secret_is_stale(self):
        login = self.make()
        self.prove(self.begin(BOTH))
        said, fields = self.error(b"28P01")
        self.assertEqual(login.refused(said, fields), Mediated(said, actions=(Stale(b"alice"),)))

    def test_a_refused_binding_is_not_the_clients_fault(self):
        for offer in (BOTH, ONE):
            login = self.make()
            self.prove(self.begin(offer))
            self.assert_fails(login.refused(*self.error(b"28000")), events.BINDING_REFUSED)
            # A database that has offered more refuses the first message already.
            login = self.make()
            self.begin(offer)
            self.assert_fails(login.refused(*self.error(b"28000")), events.BINDING_REFUSED)
        login = self.make(rule="disable")
        self.prove(self.begin(BOTH))
        said, fields = self.error(b"28000")
        self.assertEqual(login.refused(said, fields), Mediated(said))

    def test_a_role_that_may_not_log_in_is_told_so(self):
        login = self.make()
        first = self.begin(BOTH)
        self.database.finish(self.prove(first))
        login.from_database(authentication(12, self.database.last))
        said, fields = self.error(b"28000")
        self.assertEqual(login.refused(said, fields), Mediated(said))

    def test_no_message_of_ours_is_anything_else_than_a_response(self):
        self.make()
        said = self.say(BOTH)
        self.assertEqual(said, message(b"p", said[5:]))
