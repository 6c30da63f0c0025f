"""Mistakes say where the setting stands that they are about."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.places import placed
from acra_twisted.errors import ConfigError, raise_together

GIVEN = {"tls_ca": "a.ini:8", "db_host": "ACRA_DB_HOST", "master_key_file": "a.ini:9"}


class Placed(SynchronousTestCase):
    def test_lines_that_begin_with_a_setting(self):
        problems = [
            ConfigError("tls_ca: cannot read it", code=7),
            ConfigError("master_key_file m.key has mode 0644"),
            ConfigError("db_host and db_port: this is its own address"),
        ]
        error = placed(self.assertRaises(ConfigError, raise_together, problems), GIVEN)
        lines = [
            "a.ini:8: tls_ca: cannot read it",
            "a.ini:9: master_key_file m.key has mode 0644",
            "ACRA_DB_HOST: db_host and db_port: this is its own address",
        ]
        self.assertEqual(str(error).splitlines(), lines)
        self.assertEqual([line for _, line in error.parts], lines)
        self.assertEqual(error.parts[0][0], 7)

    def test_other_lines_stay(self):
        for text in ("tls_cert: no setting", "b.yaml:3: wrong", "a.ini:8: tls_ca: x", "tls_ca", ""):
            error = ConfigError(text)
            self.assertIs(placed(error, GIVEN), error)
