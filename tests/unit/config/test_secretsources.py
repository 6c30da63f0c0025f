"""Sources of secrets: there is one, or none."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.authentication import ends_authentication
from acra_twisted.config.secretsources import has_sources, uses_query
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import defaults


class Sources(SynchronousTestCase):
    def test_either_is_one_and_makes_acraserver_check_users(self):
        settings = defaults(SERVER_SECTIONS)
        for changes, expected in (
            ({}, (False, False)),
            ({"auth_file": "users"}, (True, False)),
            ({"auth_query_user": "acra_service"}, (True, True)),
        ):
            made = settings.but(**changes)
            self.assertEqual((has_sources(made), uses_query(made)), expected)
            self.assertEqual(ends_authentication(made), expected[0])
            self.assertFalse(ends_authentication(made.but(auth_mode="passthrough")))
