"""Settings for one kind of database beside the other."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.listeners import ADDRESS
from acra_twisted.errors import ConfigError
from acra_twisted.server import tap
from acra_twisted.server.databaseeffects import DATABASE_RULES
from tests.support.programs import names_in, settings_of

PLAIN = (
    "--db_host=127.0.0.1",
    "--acraconnector_transport_encryption_disable",
    "--client_id=an application",
    "--stages=",
)
MYSQL = "--mysql_enable"


class Effects(SynchronousTestCase):
    def told(self, *flags):
        return names_in(settings_of(tap.Options.program, *PLAIN, *flags).remarks)

    def refused(self, *flags):
        return str(self.assertRaises(ConfigError, self.told, *flags))

    def test_what_only_postgresql_has(self):
        for flag in (
            "--allowed_startup_parameters=*",
            "--replication_enable",
            "--function_call_enable",
            "--batch_hold_limit=1",
            "--batch_hold_time=1",
            "--tracing_notice_enable",
            "--auth_query=SELECT",
            "--auth_without_tls",
            "--db_channel_binding=disable",
            "--auth_cleartext=x",
        ):
            name = flag.lstrip("-").partition("=")[0]
            self.assertEqual(self.told(flag, MYSQL), [name], flag)

    def test_what_only_mysql_has(self):
        for flag in ("--local_infile", "--change_user_enable=false"):
            name = flag.lstrip("-").partition("=")[0]
            self.assertEqual(self.told(flag), [name])
            self.assertEqual(self.told(flag, MYSQL), [])

    def test_proofs_that_nobody_would_ask_for_stop_the_start(self):
        for flag in (
            "--auth_mode=scram",
            "--auth_mode=cert",
            "--auth_file=x",
            "--auth_query_user=x",
            "--auth_recheck=5",
            "--require_channel_binding",
            "--auth_ident_file=x",
            "--auth_keys_file=x",
        ):
            name = flag.lstrip("-").partition("=")[0]
            self.assertIn(f"{name} has no effect: with mysql_enable", self.refused(flag, MYSQL))
        self.assertEqual(self.told("--auth_mode=passthrough", MYSQL), [])

    def test_limits_of_logins_hold_for_clients_that_are_greeted(self):
        self.assertEqual(self.told("--auth_max_logins=5"), ["auth_max_logins"])
        self.assertEqual(self.told("--auth_max_logins=5", MYSQL), [])

    def test_a_setting_that_a_listener_of_its_kind_inherits_has_an_effect(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(
                "[database]\nreplication_enable = true\nlocal_infile = true\n"
                f"[listener:other]\n{ADDRESS} = tcp://127.0.0.1:1\nmysql_enable = true\n"
            )
        self.assertEqual(self.told(f"--config_file={path}"), [])

    def test_every_rule_says_why(self):
        for rule in DATABASE_RULES:
            self.assertTrue(rule.because)
