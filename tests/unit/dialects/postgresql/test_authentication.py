"""SCRAM through TLS on both legs (TL-11), passwords in clear (AU-5)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.authentication import (
    REFUSALS,
    AuthenticationPolicy,
    Mediated,
    PassThrough,
    refusal_of,
)
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import backend

PLUS, PLAIN = b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"
BOTH = backend.encode_sasl([PLUS, PLAIN])
ONE = backend.encode_sasl([PLAIN])


def first(mechanism, gs2):
    data = gs2 + b",,n=,r=nonce"
    return mechanism + b"\0" + len(data).to_bytes(4, "big") + data


class Scram(SynchronousTestCase):
    def login(self, client_tls, database_tls, offer, answer):
        watch = PassThrough(AuthenticationPolicy(client_tls, database_tls))
        shown = watch.from_database(offer)
        watch.from_client(answer)
        watch.from_client(b"n" * 20)
        return shown

    def test_passes(self):
        for client_tls, database_tls, offer, answer in (
            (False, False, ONE, first(PLAIN, b"n")),
            (True, False, ONE, first(PLAIN, b"y")),
            (True, True, BOTH, first(PLAIN, b"n")),
            (True, True, ONE, first(PLAIN, b"y")),
        ):
            self.assertEqual(self.login(client_tls, database_tls, offer, answer), Mediated(offer))

    def test_the_offer_is_reduced_for_a_plain_client(self):
        self.assertEqual(self.login(False, True, BOTH, first(PLAIN, b"n")), Mediated(ONE))

    def test_a_plain_client_that_could_bind_has_tls_with_somebody_before_us(self):
        error = self.assertRaises(WireError, self.login, False, True, BOTH, first(PLAIN, b"y"))
        self.assertIn("channel_binding=disable", str(error))
        self.login(False, False, ONE, first(PLAIN, b"y"))

    def test_what_cannot_work_is_explained(self):
        for answer in (first(PLUS, b"p=tls-server-end-point"), first(PLAIN, b"y")):
            error = self.assertRaises(WireError, self.login, True, True, BOTH, answer)
            self.assertIn("channel_binding=disable", str(error))


class Passwords(SynchronousTestCase):
    def test_au5(self):
        for kind in (3, 5):
            asks = backend.encode_authentication(kind, b"salt")
            refusing = PassThrough(AuthenticationPolicy(password_without_tls=False))
            self.assertRaises(WireError, refusing.from_database, asks)
            allowing = AuthenticationPolicy(database_tls=True, password_without_tls=False)
            self.assertEqual(PassThrough(allowing).from_database(asks), Mediated(asks))
        welcome = backend.encode_authentication(backend.AUTH_OK)
        passed = PassThrough(AuthenticationPolicy()).from_database(welcome)
        self.assertEqual(passed, Mediated(welcome))


class Tokens(SynchronousTestCase):
    def test_au5_a_token_is_as_good_as_a_password(self):
        asks = backend.encode_sasl([b"OAUTHBEARER"])
        for policy in (
            AuthenticationPolicy(client_tls=True, database_tls=True),
            AuthenticationPolicy(exposed=False, password_without_tls=True),
        ):
            self.assertEqual(PassThrough(policy).from_database(asks), Mediated(asks))
        for policy in (
            AuthenticationPolicy(exposed=True, database_tls=True),
            AuthenticationPolicy(client_tls=True, password_without_tls=False),
        ):
            error = self.assertRaises(WireError, PassThrough(policy).from_database, asks)
            self.assertIn("OAUTHBEARER", str(error))


class Refusals(SynchronousTestCase):
    def test_why_a_database_refuses(self):
        for sqlstate, routine, reason in (
            (b"28P01", b"auth_failed", "password"),
            (b"28P01", None, "password"),
            (b"28000", b"ClientAuthentication", "pg_hba"),
            (b"28000", b"InitializeSessionUserId", "role"),
            (b"28000", b"auth_failed", "method"),
            (b"28000", None, "other"),
            (b"28XYZ", b"whatever", "other"),
            (b"3D000", b"InitPostgres", "database"),
            (b"42501", b"CheckMyDatabase", "database"),
            (b"53300", b"InitProcess", ""),
            (b"57P03", None, ""),
            (b"", None, ""),
        ):
            fields = {"C": sqlstate, "M": b"not read"}
            if routine is not None:
                fields["R"] = routine
            self.assertEqual(refusal_of(fields), reason, fields)
            self.assertIn(reason or "other", REFUSALS)
        self.assertEqual(refusal_of({}), "")

    @given(st.dictionaries(st.sampled_from("CRM"), st.binary()))
    def test_whatever_a_database_says(self, fields):
        self.assertIn(refusal_of(fields), (*REFUSALS, ""))
