"""Clients whose certificates have proven them, at the database."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.authentication import Mediated
from acra_twisted.dialects.postgresql.certificatelogin import (
    CertificateLogin,
    proof_of,
    unproven,
)
from acra_twisted.dialects.postgresql.challenge import Proof
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.wire.postgres.backend import encode_authentication, encode_error, encode_sasl
from acra_twisted.wire.scram import Keys, verifier_of
from acra_twisted.wire.scramkeys import encode_keys

KEYS = Keys(b"c" * 32, b"s" * 32)


class Certificates(SynchronousTestCase):
    def test_who_has_not_proven_it_is_told_so_in_postgresqls_words(self):
        failed = unproven(b"ann")
        self.assertEqual(
            (failed.result, failed.method, failed.bound), ("unknown", "certificate", 1)
        )
        text = 'certificate authentication failed for user "ann"'
        self.assertEqual(failed.error, encode_error(b"FATAL", b"28000", text))

    def test_keys_are_a_proof_that_the_client_is_not_told_of(self):
        proof = proof_of(b"ann", encode_keys(KEYS, b"salt", 4096))
        self.assertEqual(proof, Proof(b"ann", KEYS.client, verifier_of(KEYS, b"salt", 4096), b""))

    def test_without_keys_the_database_must_let_it_in_by_itself(self):
        welcome = encode_authentication(0)
        self.assertEqual(CertificateLogin("prefer").from_database(welcome), Mediated(welcome))
        for question in (encode_sasl([b"SCRAM-SHA-256"]), *map(encode_authentication, (3, 5, 7))):
            error = self.assertRaises(WireError, CertificateLogin("prefer").from_database, question)
            self.assertIs(error.reason, EndReason.LOGIN)
            self.assertIn("auth_keys_file", str(error))

    def test_errors_of_the_database_are_the_clients_and_it_is_asked_nothing(self):
        error = encode_error(b"FATAL", b"28000", "no")
        login = CertificateLogin("prefer")
        self.assertEqual(login.refused(error, {"C": b"28000"}), Mediated(error))
        self.assertRaises(WireError, login.from_client, b"x")
        self.assertEqual(login.admitted(b"ann", b"orders"), ())

    def test_where_a_binding_is_required_nobody_comes_in_without_one(self):
        login = CertificateLogin("require")
        error = self.assertRaises(WireError, login.from_database, encode_authentication(0))
        self.assertIn("channel binding is required", str(error))
        self.assertIs(error.reason, EndReason.LOGIN)
