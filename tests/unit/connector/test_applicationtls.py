"""The settings that make the connector end, decline or pass on an application's TLS."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.connector.applicationtls import application_context, application_tls
from acra_twisted.errors import ConfigError
from acra_twisted.loginactions import DECLINE, OFFER, PASS, REFUSE, REQUIRE
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.sandbox.authority import Authority


def settings(**changes):
    return defaults(CONNECTOR_SECTIONS).but(**changes)


class Choices(SynchronousTestCase):
    def test_who_answers(self):
        here, unix = Address("127.0.0.1", 9494), Address(path="/run/acra")
        everywhere = Address("0.0.0.0", 9494)
        for address, changes, expected in (
            (here, {}, DECLINE),
            (unix, {}, DECLINE),
            (everywhere, {}, PASS),
            (here, {"tracing_scope": "connection"}, PASS),
            (here, {"application_tls_cert": "x"}, OFFER),
            (everywhere, {"application_tls_cert": "x"}, OFFER),
            (everywhere, {"application_tls": "refuse"}, REFUSE),
            (everywhere, {"application_tls": "require"}, REQUIRE),
            (here, {"application_tls": "pass", "application_tls_cert": "x"}, PASS),
        ):
            chosen = settings(incoming_connection_string=address, **changes)
            self.assertEqual(application_tls(chosen), expected)

    def test_certificates(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = (str(path) for path in authority.issue("acra-connector"))
        pair = {"application_tls_cert": certificate, "application_tls_key": key}
        self.assertIsNotNone(application_context(settings(**pair)))
        of_the_link = {"tls_cert": certificate, "tls_key": key}
        for changes, words in (
            (of_the_link, "application_tls_cert"),
            ({"application_tls_cert": certificate, **of_the_link}, "give both or neither"),
            ({**pair, "application_tls_ca": "/none"}, "application_tls_ca"),
        ):
            error = self.assertRaises(ConfigError, application_context, settings(**changes))
            self.assertIn(words, str(error))
