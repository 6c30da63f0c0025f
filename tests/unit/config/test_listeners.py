"""Further addresses of a daemon, each with settings of its own."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.blocks import CENSOR_BLOCKS, blocks_of
from acra_twisted.config.changes import changes
from acra_twisted.config.listeners import SERVERS, checked, each, options_of
from acra_twisted.config.reading import load, read_settings
from acra_twisted.config.render import render_ini
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.server.tap import Options

PLAIN = """
[server]
acraconnector_transport_encryption_disable = true
client_id = an application
[database]
db_host = 127.0.0.1
db_tls = disable
[pipeline]
stages =
"""
SECOND = """
[listener:second]
incoming_connection_string = tcp://127.0.0.1:9494
db_port = 5433
"""


class Base(SynchronousTestCase):
    def path(self, text):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(PLAIN + text)
        return path

    def read(self, text, *flags):
        arguments = [f"--config_file={self.path(text)}", *flags]
        _, settings = read_settings(Options.program, arguments, {})
        return settings

    def load(self, text):
        settings, _ = load(Options.program, [f"--config_file={self.path(text)}"], {})
        return settings

    def wrong(self, text):
        return str(self.assertRaises(ConfigError, self.load, text))


class Reading(Base):
    def test_a_listener_has_the_daemons_settings_but_for_its_own(self):
        settings = self.load(SECOND)
        (second,) = settings.listeners.values()
        self.assertEqual(list(settings.listeners), ["second"])
        self.assertEqual((settings["db_port"], second["db_port"]), (5432, 5433))
        self.assertEqual(second["incoming_connection_string"], Address("127.0.0.1", 9494))
        self.assertEqual(second["client_id"], "an application")
        self.assertEqual(set(second.given), {"incoming_connection_string", "db_port"})
        self.assertEqual([mark for mark, _ in each(settings)], ["", "[listener:second] "])

    def test_it_inherits_flags_too(self):
        settings = self.read(SECOND, "--db_host=db.example", "--db_port=6000")
        self.assertEqual(settings.listeners["second"]["db_host"], "db.example")
        self.assertEqual(settings.listeners["second"]["db_port"], 5433)

    def test_each_has_its_kind_of_database(self):
        """Its port is that of its kind, unless it has one of its own."""
        mysql = "[listener:second]\nincoming_connection_string = tcp://127.0.0.1:9494\n"
        mysql += "mysql_enable = true\n"
        for flags, first, second in (
            ((), (False, 5432), (True, 3306)),
            (("--db_port=6000", "--postgresql_enable"), (False, 6000), (True, 3306)),
            (("--mysql_enable", "--db_port=6000"), (True, 6000), (True, 6000)),
            (("--mysql_enable",), (True, 3306), (True, 3306)),
        ):
            settings = self.read(mysql, *flags)
            for found, expected in ((settings, first), (settings.listeners["second"], second)):
                self.assertEqual((found["mysql_enable"], found["db_port"]), expected, flags)
        settings = self.read(mysql.replace("mysql", "postgresql"), "--mysql_enable")
        self.assertFalse(settings.listeners["second"]["mysql_enable"])
        self.assertEqual(settings.listeners["second"]["db_port"], 5432)
        settings = self.read(mysql + "db_port = 3307\n")
        self.assertEqual(settings.listeners["second"]["db_port"], 3307)

    def test_both_kinds_at_once_are_refused(self):
        said = self.wrong(SECOND + "mysql_enable = true\npostgresql_enable = true\n")
        self.assertIn("[listener:second] mysql_enable and postgresql_enable", said)

    def test_without_such_sections_there_are_none(self):
        self.assertEqual(self.load("").listeners, {})

    def test_an_address_of_its_own_is_needed(self):
        said = self.wrong("[listener:second]\ndb_port = 5433\n")
        self.assertIn("[listener:second]: name its address in incoming_connection_string", said)

    def test_two_may_not_share_an_address(self):
        said = self.wrong(SECOND + SECOND.replace("second", "third"))
        self.assertIn("[listener:third] incoming_connection_string: [listener:second]", said)
        said = self.wrong(SECOND.replace("9494", "9393"))
        self.assertIn("[server] listens on tcp://127.0.0.1:9393 already", said)

    def test_metrics_and_pages_are_elsewhere(self):
        for name in ("prometheus_metrics", "zpages"):
            metrics = f"[metrics]\nincoming_connection_{name}_string = tcp://127.0.0.1:9{{}}\n"
            said = self.wrong(SECOND + metrics.format("494"))
            self.assertRegex(
                said, f":\\d+: incoming_connection_{name}_string: .listener:second. li"
            )
            said = self.wrong(metrics.format("393"))
            self.assertIn("[server] listens on tcp://127.0.0.1:9393 already", said)
            self.load(metrics.format("191"))

    def test_names_and_keys_are_checked_and_the_nearest_word_is_named(self):
        self.assertIn("1 to 64 letters", self.wrong(SECOND.replace("second", "sec ond")))
        said = self.wrong(SECOND + "db_prot = 1\n")
        self.assertRegex(said, r":\d+: unknown key 'db_prot' in \[listener:second\].*'db_port'")
        said = self.wrong(SECOND + "log_to_file = x\n")
        self.assertIn("[listener:second]; it is set for the whole daemon, in [logging]", said)
        said = self.wrong(SECOND + "otlp_endpoint = http://a\n")
        self.assertIn("[listener:second]; it is set for the whole daemon, in [tracing]", said)
        said = self.wrong(SECOND + "incoming_connection_http_string = x\n")
        self.assertIn("[listener:second]; it is an option of acra-translator", said)
        said = self.wrong(SECOND.replace("5433", "many"))
        self.assertRegex(said, r":\d+: db_port: 'many'")

    def test_what_the_daemon_has_once_no_listener_has(self):
        for key in ("keys_dir = x", "log_to_file = x", "otlp_endpoint = http://a", "tls_ca = x"):
            self.assertIn("unknown key", self.wrong(SECOND + key + "\n"), key)

    def test_options_of_a_section_and_single_ones_may_be_named(self):
        names = {option.name for option in options_of(SERVER_SECTIONS, SERVERS)}
        self.assertLessEqual({"db_host", "client_tls", "stages", "auth_file", "client_id"}, names)
        self.assertNotIn("tls_cert", names)

    def test_a_check_names_the_listener(self):
        said = self.wrong(SECOND + "auth_mode = scram\n")
        self.assertIn("[listener:second] auth_mode = scram: name a source of secrets", said)
        settings = self.load(SECOND)
        remarks = checked(lambda own: [str(own["db_port"])], settings)
        self.assertEqual(remarks, ["5432", "[listener:second] 5433"])

    def test_a_listener_that_would_connect_to_itself_is_refused(self):
        said = self.wrong(SECOND.replace("5433", "9494"))
        self.assertIn("[listener:second] db_host and db_port: tcp://127.0.0.1:9494 is", said)

    def test_dumped_and_read_again_it_is_the_same(self):
        settings = self.load(SECOND)
        text = render_ini("acra-server", SERVER_SECTIONS, settings)
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(text)
        again, _ = load(Options.program, [f"--config_file={path}"], {})
        self.assertEqual(dict(again.listeners["second"]), dict(settings.listeners["second"]))


class Stages(Base):
    RULES = "[censor:one]\nhandler = denyall\n"

    def test_each_has_its_own(self):
        settings = self.read(SECOND + "stages = query_capture\n[stage:query_capture]\nfilepath=x\n")
        self.assertEqual(settings["stages"], ())
        self.assertEqual(settings.listeners["second"]["stages"], ("query_capture",))
        self.assertEqual(settings.listeners["second"].stages["query_capture"]["filepath"], "x")

    def test_rules_in_sections_hold_everywhere(self):
        settings = self.read(SECOND + self.RULES)
        second = settings.listeners["second"]
        self.assertEqual((settings["stages"], second["stages"]), (("censor",), ("censor",)))
        self.assertEqual(len(blocks_of(second.blocks, CENSOR_BLOCKS)), 1)

    def test_a_rule_file_of_its_own_even_none_takes_their_place(self):
        for file, stages in (("rules.yaml", ("censor",)), ("", ())):
            text = SECOND + f"acracensor_config_file = {file}\n" + self.RULES
            second = self.read(text).listeners["second"]
            self.assertEqual(second["stages"], stages)
            self.assertEqual(blocks_of(second.blocks, CENSOR_BLOCKS), [])

    def test_a_stage_that_nobody_has_is_named(self):
        said = str(self.assertRaises(ConfigError, self.read, SECOND + "stages = decrypter\n"))
        self.assertIn("no installed stage is named 'decrypter'; did you mean 'decryptor'", said)


class Effects(Base):
    def test_what_has_no_effect_at_a_listener_stops_the_start(self):
        said = self.wrong(SECOND + "tls_database_ca = x.pem\n")
        self.assertRegex(said, r":\d+: tls_database_ca has no effect")

    def test_what_has_one_at_a_listener_that_inherits_it_does_not(self):
        text = "[tls]\ntls_database_auth = 3\n"
        second = SECOND + "db_tls = require\n"
        self.assertIn("tls_database_auth has no effect", self.wrong(text))
        said = self.wrong(text + second + "tls_database_auth = 4\n")
        self.assertIn("tls_database_auth has no effect", said)
        settings = self.load(text + second)
        self.assertEqual(settings.listeners["second"]["tls_database_auth"], 3)

    def test_revocation_that_would_not_reach_a_listener_stops_the_start(self):
        said = self.wrong(
            "[revocation]\ntls_crl_database_url = http://127.0.0.1:1/x\n[listener:second]\n"
            "incoming_connection_string = tcp://127.0.0.1:9494\ndb_tls = require\n"
        )
        self.assertIn("[listener:second] tls_database_ca: certificates are asked about", said)


class Changes(Base):
    def test_they_are_named_with_their_listener(self):
        before = self.read(SECOND)
        self.assertEqual(changes(before, self.read(SECOND)), [])
        self.assertEqual(
            changes(before, self.read(SECOND.replace("5433", "5434"))),
            ["[listener:second] db_port"],
        )
        self.assertEqual(changes(before, self.read("")), ["[listener:second]"])
        other = self.read(SECOND.replace("second", "third"))
        self.assertEqual(changes(before, other), ["[listener:second]", "[listener:third]"])
