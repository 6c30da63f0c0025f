"""Options about methods of login."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.authentication import ends_authentication, uses_secrets
from acra_twisted.config.loginmethods import by_certificate
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import defaults


class Methods(SynchronousTestCase):
    def test_weak_ones_are_off(self):
        settings = defaults(SERVER_SECTIONS)
        self.assertFalse(settings["auth_md5"] or settings["auth_cleartext"])
        self.assertEqual(settings["auth_unknown"], "refuse")

    def test_certificates_alone_prove_users_or_secrets_do(self):
        settings = defaults(SERVER_SECTIONS).but(auth_file="users")
        for mode, expected in (
            ("auto", (True, False, True)),
            ("scram", (True, False, True)),
            ("cert", (True, True, False)),
            ("passthrough", (False, False, False)),
        ):
            made = settings.but(auth_mode=mode)
            found = (ends_authentication(made), by_certificate(made), uses_secrets(made))
            self.assertEqual(found, expected)
