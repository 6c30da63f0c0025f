"""The first answer of a database; whole conversations are in tests/integration."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.server.examination import EXAMINATION, is_whole, of_answer
from acra_twisted.wire.postgres.backend import encode_error, encode_sasl
from acra_twisted.wire.postgres.frames import message

SETTINGS = defaults(SERVER_SECTIONS)


class Answers(SynchronousTestCase):
    def test_it_asks_who_logs_in(self):
        for answer in (
            message(b"R", b"\0\0\0\0"),
            encode_sasl([b"SCRAM-SHA-256"]),
            encode_sasl([b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"]),
        ):
            self.assertEqual(of_answer(answer, SETTINGS).state, OK)

    def test_channel_binding_where_applications_have_tls(self):
        found = of_answer(encode_sasl([b"SCRAM-SHA-256-PLUS"]), SETTINGS.but(client_tls="require"))
        self.assertEqual(found.state, WARN)
        self.assertIn("channel_binding=disable", found.remedy)
        # Where AcraServer ends logins they are bound to its own certificate.
        ended = SETTINGS.but(client_tls="require", auth_file="x")
        self.assertEqual(of_answer(encode_sasl([b"SCRAM-SHA-256-PLUS"]), ended).state, OK)

    def test_errors(self):
        for sqlstate, text, state in (
            (b"28000", 'role "acra_doctor" does not exist', OK),
            (b"28000", "no pg_hba.conf entry for host", WARN),
            (b"57P03", "the database system is starting up", WARN),
        ):
            found = of_answer(encode_error(b"FATAL", sqlstate, text), SETTINGS)
            self.assertEqual(found.state, state, text)
        broken = message(b"E", b"SFATAL")
        self.assertEqual(of_answer(broken, SETTINGS).state, FAIL)

    @given(st.binary(max_size=200))
    def test_whatever_it_says(self, data):
        self.assertIn(is_whole(data), (True, False))
        found = of_answer(data, SETTINGS)
        self.assertIn(found.state, (OK, WARN, FAIL))
        self.assertTrue(found.text.isprintable())

    def test_when_it_is_whole(self):
        answer = encode_error(b"FATAL", b"28000", "no")
        for cut in range(len(answer)):
            self.assertFalse(is_whole(answer[:cut]), cut)
        self.assertTrue(is_whole(answer))
        self.assertTrue(is_whole(b"H"))
        self.assertTrue(is_whole(b"R" + b"\xff" * 9000))


class Particular(SynchronousTestCase):
    def prefixes(self, **changes):
        return [own.prefix for own in EXAMINATION.certificates(SETTINGS.but(**changes))]

    def test_certificates_that_are_used(self):
        self.assertEqual(self.prefixes(client_tls="disable", db_tls="disable"), [])
        self.assertEqual(self.prefixes(db_tls="disable"), ["tls_client_"])
        tls = {"acraconnector_tls_transport_enable": True, "client_tls": "disable"}
        self.assertEqual(self.prefixes(**tls, db_tls="require"), ["tls_client_", "tls_database_"])

    def test_what_weakens_protection(self):
        outside = Address("0.0.0.0", 9393)
        plain = {"acraconnector_transport_encryption_disable": True, "db_host": "127.0.0.1"}
        found = EXAMINATION.insecure(SETTINGS.but(**plain, incoming_connection_string=outside))
        self.assertEqual(len(found), 1)
