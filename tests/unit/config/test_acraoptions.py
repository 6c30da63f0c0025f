"""Options of Acra's that are no options of ours: taken, mapped, or refused by what they ask for."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import acraoptions
from acra_twisted.config.acraoptions import judge
from acra_twisted.config.acratable import options_of
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.optionkinds import Address
from acra_twisted.options import Line

PROGRAMS = {"acra-server": SERVER_SECTIONS, "acra-connector": CONNECTOR_SECTIONS}


class Tables(SynchronousTestCase):
    def test_acras_defaults_never_stop_a_start(self):
        """A file that Acra's --dump_config has written is nobody's wish."""
        for program in PROGRAMS:
            known = options_of(program)
            given = {name: Line(option.default, "f:1") for name, option in known.items()}
            self.assertEqual(judge(program, given, given).wrong, [])


class Judging(SynchronousTestCase):
    def judge(self, program="acra-server", filed=(), **given):
        lines = {name: Line(text, f"--{name}") for name, text in given.items()}
        return judge(program, lines, filed)

    def test_refused_by_what_is_asked_for(self):
        for name, text, says in (
            ("zonemode_enable", "1", "zones"),
            ("encryptor_config_storage_type", "consul", "columns in Consul"),
            ("token_db", "t.db", "acra-tokens import"),
            ("redis_db_keys", "0", "keys in Redis"),
            ("redis_tls_crl_client_url", "http://crl", "revocation lists"),
            ("vault_connection_api_string", "https://vault", "Vault"),
            ("kms_type", "aws", "key management service"),
            ("keystore_encryption_type", "kms_per_client", "key management service"),
            ("consul_connection_api_string", "https://consul", "Consul"),
            ("sql_parse_on_error_exit_enable", "true", "cannot be parsed"),
            ("http_api_tls_transport_enable", "true", "TLS for the HTTP API"),
        ):
            found = self.judge(**{name: text})
            (error,) = found.wrong
            self.assertTrue(str(error).startswith(f"--{name}: {name}: not supported"), str(error))
            self.assertIn(says, str(error))
            self.assertIn(f"leave {name} out", str(error))

    def test_tools_that_read_rows_take_what_acras_say_of_postgresql(self):
        for program in ("acra-rotate", "acra-rollback"):
            for word in ("true", "false"):
                self.assertEqual(self.judge(program, postgresql_enable=word).wrong, [])

    def test_what_is_off_or_empty_is_taken(self):
        for name, option in options_of("acra-server").items():
            given = {name: ""}
            self.assertEqual(self.judge(**given).wrong, [], name)
            if option.is_switch:
                self.assertEqual(self.judge(**{name: "false"}).wrong, [], name)

    def test_what_says_do_as_you_do_anyway_is_taken_without_a_word(self):
        for name in (
            *("acrastruct_wholecell_enable", "acrastruct_injectedcell_enable"),
            *("pgsql_hex_bytea", "pgsql_escape_bytea"),
        ):
            for word in ("true", "false", "1", "T"):
                self.assertEqual(self.judge(**{name: word}), ([], [], {}, {}))
        self.assertEqual(self.judge("acra-connector", user_check_disable="true"), ([], [], {}, {}))

    def test_modes(self):
        for word in ("AcraServer", "acraserver"):
            self.assertEqual(self.judge("acra-connector", mode=word).wrong, [])
        (error,) = self.judge("acra-connector", mode="AcraTranslator").wrong
        self.assertIn("not supported here: AcraTranslator", str(error))
        (error,) = self.judge("acra-connector", mode="nonsense").wrong
        self.assertIn("expected one of", str(error))

    def test_values_of_the_wrong_kind(self):
        for name, text in (("zonemode_enable", "maybe"), ("redis_db_keys", "one")):
            (error,) = self.judge(**{name: text}).wrong
            self.assertIn(f"{name}: expected", str(error))

    def test_secrets_are_not_shown(self):
        found = self.judge(token_db="hunter2", vault_connection_api_string="hunter2")
        self.assertNotIn("hunter2", " ".join(map(str, found.wrong)))

    def test_names_that_are_others_now(self):
        found = self.judge(tls_db_sni="db.example")
        self.assertEqual(found.ours, {"tls_database_sni": Line("db.example", "--tls_db_sni")})

    def test_host_and_port(self):
        ours = Address("127.0.0.1", 9393)
        given = Address("10.0.0.1", 7000)
        for parts, own, address, expected in (
            ({"host": "0.0.0.0"}, False, ours, Address("0.0.0.0", 9393)),
            ({"port": "9393"}, False, Address("::1", 1), Address("::1", 9393)),
            ({"port": "7000"}, False, ours, Address("127.0.0.1", 7000)),
            ({"host": "::1", "port": "1"}, False, ours, Address("::1", 1)),
            # Acra's --dump_config writes all three.
            ({"host": "0.0.0.0", "port": "9393"}, True, given, given),
            ({"host": "0.0.0.0", "port": "7001"}, True, given, Address("10.0.0.1", 7001)),
            ({"host": "10.0.0.2"}, True, Address(path="/x"), Address("10.0.0.2", 9393)),
            ({"host": ""}, True, given, given),
        ):
            found = self.judge(**{f"incoming_connection_{k}": v for k, v in parts.items()})
            name = "incoming_connection_string"
            made, where = acraoptions.address("acra-server", found, name, own, address)
            self.assertEqual(made, expected)
            self.assertEqual(bool(where), expected != address)
            name = "incoming_connection_api_string"
            self.assertEqual(
                acraoptions.address("acra-server", found, name, own, address), (address, "")
            )
        found = self.judge(incoming_connection_api_port="7001")
        name = "incoming_connection_api_string"
        made, _ = acraoptions.address("acra-server", found, name, False, ours)
        self.assertEqual(made, Address("127.0.0.1", 7001))
