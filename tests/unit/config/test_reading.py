"""Command lines as Acra writes them; precedence; everything that is wrong at once."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import reading
from acra_twisted.errors import ConfigError
from acra_twisted.options import BOOLEAN, PORT, TEXT, Option, Section

SECTION = Section(
    "server",
    "Things.",
    (
        Option("db_host", TEXT, "nowhere", "The host."),
        Option("db_port", PORT, 5432, "The port."),
        Option("v", BOOLEAN, False, "More."),
        Option("password", TEXT, "", "Secret.", secret=True),
    ),
)
STAGE = Section("stage:cap", "", (Option("size", PORT, 1, ""),))


def program():
    return reading.Program(
        "acra-test",
        (SECTION,),
        lambda settings: None,
        lambda names, blocks: [STAGE],
        lambda: {"cap": 1},
    )


class Loading(SynchronousTestCase):
    def load(self, *arguments, **environment):
        return reading.load(program(), arguments, environment)[0]

    def test_spellings(self):
        for arguments in (
            ["--db_host=x", "--v=true", "--db_port=1"],
            ["-db_host=x", "-v=1", "-db_port", "1"],
            ["--db-host", "x", "--v", "--db_port=1"],
        ):
            settings = self.load(*arguments)
            values = (settings["db_host"], settings["v"], settings["db_port"])
            self.assertEqual(values, ("x", True, 1))

    def test_precedence(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[server]\ndb_port = 1\n[stage:cap]\nsize = 1\n")
        config = f"--config={path}"
        self.assertEqual(self.load()["db_port"], 5432)
        self.assertEqual(self.load(config)["db_port"], 1)
        self.assertEqual(self.load(config, ACRA_DB_PORT="2")["db_port"], 2)
        self.assertEqual(self.load(config, "--db_port=3", ACRA_DB_PORT="2")["db_port"], 3)
        environment = {"ACRA_STAGE_CAP_SIZE": "2"}
        self.assertEqual(self.load(config).stages["cap"]["size"], 1)
        self.assertEqual(self.load(config, **environment).stages["cap"]["size"], 2)
        flag = "--stage.cap.size=3"
        self.assertEqual(self.load(config, flag, **environment).stages["cap"]["size"], 3)

    def test_mistakes(self):
        for arguments, expected in (
            (["--db_hots=x"], "did you mean --db_hos"),
            (["--zzzzzz=x"], "see --help"),
            (["word"], "unexpected argument 'word'"),
            (["--db_port"], "needs a value"),
            (["--db_port=x"], "--db_port: db_port: 'x'"),
            (["--stage.cap.zize=1"], "unknown flag --stage.cap.zize"),
        ):
            error = self.assertRaises(ConfigError, self.load, *arguments)
            self.assertIn(expected, str(error))

    def test_tl5_en1_what_is_not_there_is_not_silently_off(self):
        """Options of Acra's for what this version does not do are refused by name."""
        for name in (
            *("tls_ocsp_required", "tls_ocsp_url", "tls_crl_url", "tls_crl_check_only_leaf"),
            *("encryptor_config_file", "token_db", "redis_host_port", "mysql_enable"),
        ):
            error = self.assertRaises(ConfigError, self.load, f"--{name}=x")
            self.assertIn(name, str(error))

    def test_ke9_no_secret_on_the_command_line(self):
        error = self.assertRaises(ConfigError, self.load, "--password=hunter2")
        self.assertNotIn("hunter2", str(error))
        self.assertIn("ACRA_PASSWORD", str(error))
        self.assertEqual(self.load(ACRA_PASSWORD="x")["password"], "x")
