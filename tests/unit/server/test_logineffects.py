"""Rules of logins are rules of the daemon."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.server import tap
from acra_twisted.server.effects import RULES
from acra_twisted.server.logineffects import LOGIN_RULES
from tests.support.programs import names_in, settings_of

BINDING = "db_channel_binding"


class Rules(SynchronousTestCase):
    def test_they_are_the_daemons(self):
        self.assertLessEqual(set(map(id, LOGIN_RULES)), set(map(id, RULES)))


class Sources(SynchronousTestCase):
    """Settings of sources of secrets that do nothing."""

    def told(self, *flags):
        return names_in(settings_of(tap.Options.program, "--db_host=db", *flags).remarks)

    def test_remarks(self):
        role = "--auth_query_user=acra_service"
        for flags, expected in (
            (["--auth_file=x"], []),
            (["--auth_file=x", "--auth_mode=passthrough"], ["auth_file"]),
            ([role, "--auth_mode=passthrough"], ["auth_query_user"]),
            ([role, "--auth_query=select 1", "--auth_cache_soft=0"], []),
            (["--auth_file=x", "--auth_cache_hard=0"], ["auth_cache_hard"]),
            (["--auth_query=select 1"], ["auth_query"]),
            (["--auth_query_password_file=x"], ["auth_query_password_file"]),
            (["--auth_scram_iterations=5000"], ["auth_scram_iterations"]),
            (["--auth_file=x", "--auth_scram_iterations=5000"], []),
            (["--auth_without_tls", "--db_channel_binding=require"], ["auth_without_tls", BINDING]),
            (["--auth_file=x", "--auth_without_tls", "--db_channel_binding=require"], []),
            (["--auth_file=x", "--auth_mode=cert"], ["auth_file"]),
            (["--auth_ident_file=x", "--auth_keys_file=x"], ["auth_ident_file", "auth_keys_file"]),
            (["--auth_ident_file=x", "--auth_ident_map=m", "--auth_mode=cert"], []),
            (["--auth_ident_map=m", "--auth_mode=cert"], ["auth_ident_map"]),
            (["--auth_ident_name=dn", "--auth_mode=cert"], []),
            (["--auth_md5", "--auth_unknown=passthrough"], ["auth_md5", "auth_unknown"]),
            (["--auth_file=x", "--auth_md5", "--auth_cleartext=old"], []),
            (["--auth_max_logins=7"], ["auth_max_logins"]),
            (["--auth_file=x", "--auth_max_logins=7"], []),
        ):
            self.assertEqual(self.told(*flags), expected, flags)

    def test_protections(self):
        error = self.assertRaises(ConfigError, self.told, "--require_channel_binding")
        self.assertIn("require_channel_binding has no effect", str(error))
        self.assertEqual(self.told("--auth_file=x", "--require_channel_binding"), [])
