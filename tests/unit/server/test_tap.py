"""``twistd acra-server``."""

from io import StringIO
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.scripts.twistd import ServerOptions
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.daemon.service import MAIN
from acra_twisted.errors import ConfigError
from acra_twisted.options import Block
from acra_twisted.server import tap

FLAGS = [
    "--db_host=127.0.0.1",
    "--client_id=an application",
    "--tls_auth=0",
    "--acraconnector_transport_encryption_disable",
    "--log_to_console=false",
    "--core_dump_enable=true",
    "--incoming_connection_string=tcp://127.0.0.1:0",
]


class Tap(SynchronousTestCase):
    def test_options_and_service(self):
        options = tap.Options()
        path = self.mktemp()
        options.parseOptions(
            [*FLAGS, "--stages=query_capture", f"--stage.query_capture.filepath={path}"]
        )
        self.assertEqual(options.settings.stages["query_capture"]["filepath"], path)
        root = tap.makeService(options, MemoryReactorClock())
        (server,) = root
        self.assertEqual(
            [stage.name for stage in server.context.pipeline.stages], ["query_capture"]
        )
        server.listeners[MAIN]._listener.close()
        self.assertIn("query_capture", tap._installed())

    def test_the_pid_file(self):
        for given, pid_file in (
            (["-n"], ""),
            ([], "acra-server.pid"),
            (["-n", "--pidfile=mine.pid"], "mine.pid"),
            (["--pidfile="], ""),
        ):
            twistd = ServerOptions()
            twistd.parseOptions([*given, "acra-server", *FLAGS, "--stages="])
            self.assertEqual(Path(twistd["pidfile"]).name, pid_file)

    def test_what_has_changed_in_the_file(self):
        path = self.mktemp()
        text = "[database]\ndb_port = {}\n[pipeline]\nstages = query_capture\n"
        text += "[stage:query_capture]\nfilepath = {}\n"
        with open(path, "w") as file:
            file.write(text.format(5432, "a"))
        options = tap.Options()
        options.parseOptions([*FLAGS, f"--config_file={path}"])
        self.assertEqual(options.changes(), [])
        with open(path, "w") as file:
            file.write(text.format(5433, "b") + "[tls]\ntls_ca = secret\n")
        self.assertEqual(options.changes(), ["db_port", "tls_ca", "[stage:query_capture] filepath"])
        with open(path, "w") as file:
            file.write("[nothing]\n")
        self.assertRaises(ConfigError, options.changes)

    def test_rules_in_the_ini_file_switch_the_censor_on(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[censor:a]\nhandler = deny\ntables = salaries\n")
        options = tap.Options()
        options.parseOptions([*FLAGS, "--stages=", f"--config_file={path}"])
        self.assertEqual(options.settings["stages"], ("censor",))
        root = tap.makeService(options, MemoryReactorClock())
        (server,) = root
        server.listeners[MAIN]._listener.close()
        [stage] = server.context.pipeline.stages
        self.assertEqual(stage.censor.decide(b"TABLE salaries").by, "deny.table")
        with open(path, "w") as file:
            file.write("[censor:a]\nhandler = deny\ntables = wages\n")
        asked = []

        def run(function, *args):
            asked.append(Deferred().addCallback(lambda _: function(*args)))
            return asked[-1]

        self.patch(server.workers, "run", run)
        for _ in range(20):
            server.reload()
        # Those that were in force are, until the others are whole; many signals are one.
        self.assertEqual(stage.censor.decide(b"TABLE salaries").by, "deny.table")
        self.assertEqual(len(asked), 1)
        asked[0].callback(None)
        self.assertEqual(len(asked), 2)
        asked[1].callback(None)
        self.assertEqual(len(asked), 2)
        self.assertEqual(stage.censor.decide(b"TABLE wages").by, "deny.table")
        self.assertTrue(stage.censor.decide(b"TABLE salaries").allowed)

    def test_the_configuration_is_checked_with_its_rules(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[censor:a]\nhandler = deny\npatterns = SELECT FROM FROM\n")
        options = tap.Options()
        options.errors = StringIO()
        flags = [*FLAGS, "--stages=", f"--config_file={path}", "--check_config"]
        self.assertRaises(SystemExit, options.parseOptions, flags)
        self.assertIn(f"{path}:3", options.errors.getvalue())

    def test_a_rule_file_switches_the_censor_on(self):
        values = {"stages": ("decryptor",), "acracensor_config_file": "rules.yaml"}
        self.assertEqual(tap.chosen_stages(values), ("censor", "decryptor"))
        values["stages"] = ("query_capture", "censor")
        self.assertEqual(tap.chosen_stages(values), ("query_capture", "censor"))

    def test_columns_switch_the_encryptor_on_at_its_place(self):
        file = {"encryptor_config_file": "columns.yaml"}
        rules = {"acracensor_config_file": "rules.yaml", "poison_detect_enable": True}
        for stages, more, expected in (
            (("decryptor",), file, ("encryptor", "decryptor")),
            (("decryptor",), {**file, **rules}, ("censor", "encryptor", "decryptor", "poison")),
            (
                ("query_capture", "decryptor", "poison"),
                file,
                ("query_capture", "encryptor", "decryptor", "poison"),
            ),
            (("encryptor", "mine", "decryptor"), file, ("encryptor", "mine", "decryptor")),
            (("mine",), file, ("mine", "encryptor")),
        ):
            values = {"stages": stages, **more}
            self.assertEqual(tap.chosen_stages(values), expected)
        for name in ("encrypt:people.name", "bypass:mine"):
            block = Block(name, "", {}, {})
            values = {"stages": ("decryptor",)}
            self.assertEqual(tap.chosen_stages(values, [block]), ("encryptor", "decryptor"))

    def settings_with(self, *lines):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("\n".join(["[keystore]", "keys_dir =", *lines, ""]))
        options = tap.Options()
        options.errors = options.output = StringIO()
        flags = [*FLAGS, f"--config_file={path}", "--check_config"]
        self.assertRaises(SystemExit, options.parseOptions, flags)
        return path, options.errors.getvalue()

    def test_the_configuration_is_checked_with_its_columns(self):
        """Mistakes in sections of columns have their lines and the nearest name."""
        path, said = self.settings_with("[encrypt:people.name]", "searcable = true")
        self.assertIn(f"{path}:4: unknown key 'searcable'", said)
        self.assertIn("did you mean 'searchable'?", said)
        # A section of columns is none of the censor's.
        self.assertNotIn("handler", said)

    def test_a_stage_order_that_undoes_the_protection(self):
        for stages, told in (
            ("decryptor, encryptor", "'encryptor' must come before 'decryptor'"),
            ("encryptor, censor, decryptor", "'encryptor' must come after 'censor'"),
            ("encryptor", "needs the stage 'decryptor' behind it"),
        ):
            lines = ("[encrypt:people.name]", "[censor:a]", "handler = denyall", "[pipeline]")
            _, said = self.settings_with(*lines, f"stages = {stages}")
            self.assertIn(told, said)
