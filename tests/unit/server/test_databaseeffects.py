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

    def test_what_protected_columns_of_mysql_do_without(self):
        for flag in (
            *("--allow_text_columns", "--ddl_types=rewrite", "--strict_copies"),
            "--schema_databases=x",
        ):
            name = flag.lstrip("-").partition("=")[0]
            (rule,) = (one for one in DATABASE_RULES if name in one.names)
            self.assertFalse(rule.holds({"mysql_enable": True}), flag)
            self.assertTrue(rule.holds({"mysql_enable": False}), flag)
            self.assertIn("MySQL", rule.because)

    def test_what_only_mysql_has(self):
        for flag in (
            "--local_infile",
            "--change_user_enable=false",
            "--multi_statements_enable=false",
        ):
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

    def with_listener(self, daemon, listener):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(f"{daemon}\n[listener:other]\n{ADDRESS} = tcp://127.0.0.1:1\n{listener}\n")
        return self.told(f"--config_file={path}")

    def refused_with_listener(self, daemon, listener):
        return str(self.assertRaises(ConfigError, self.with_listener, daemon, listener))

    def test_a_proof_that_a_listener_of_the_other_kind_inherits_stops_the_start(self):
        for line in (
            "auth_mode = scram\nauth_file = x",
            "auth_file = x",
            "auth_query_user = x",
            "auth_file = x\nauth_recheck = 5",
            "auth_file = x\nrequire_channel_binding = true",
            "auth_mode = cert\nauth_ident_file = x",
            "auth_mode = cert\nauth_keys_file = x",
        ):
            daemon = f"[authentication]\n{line}"
            said = self.refused_with_listener(daemon, "mysql_enable = true")
            for each in line.splitlines():
                name = each.partition(" ")[0]
                self.assertIn(f"[listener:other] inherits {name}, which has no effect", said)
            self.assertIn("set auth_mode = passthrough there", said)
            told = self.with_listener(daemon, "mysql_enable = true\nauth_mode = passthrough")
            self.assertEqual(told, [])

    def test_a_proof_that_only_a_listener_of_the_other_kind_asks_for_stops_the_start(self):
        kinds = "[database]\nmysql_enable = true\n[authentication]\n{}"
        said = self.refused_with_listener(
            kinds.format("auth_file = x\nrequire_channel_binding = true"),
            "postgresql_enable = true",
        )
        for name in ("auth_file", "require_channel_binding"):
            self.assertIn(f"{name} has no effect at this daemon's own address: with mysql", said)
        for mode in ("auto", "scram"):
            told = self.with_listener(
                kinds.format("auth_mode = passthrough\nauth_file = x"),
                f"postgresql_enable = true\nauth_mode = {mode}",
            )
            self.assertEqual(told, [])

    def test_every_rule_says_why(self):
        for rule in DATABASE_RULES:
            self.assertTrue(rule.because)
