"""Command lines as Acra writes them; precedence; everything that is wrong at once."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config import reading
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN, PORT, TEXT
from acra_twisted.options import Option, Section

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
        lambda: {"cap": 1, "idle": 1},
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

    def test_a_variable_with_a_slip_is_told_of(self):
        settings = self.load(ACRA_DB_HOTS="x", ACRA_DB_PORT="1", ACRA_OTHER="y")
        self.assertEqual(settings["db_host"], "nowhere")
        (said,) = settings.remarks
        self.assertIn("did you mean ACRA_DB_HOST?", said)

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
            (["--pidfile=x"], "--pidfile is a flag of twistd: give it before the daemon's name"),
            (["-n"], "-n is a flag of twistd"),
            (["word"], "unexpected argument 'word'"),
            (["--db_port"], "needs a value"),
            (["--db_port=x"], "--db_port: db_port: 'x'"),
            (["--stage.cap.zize=1"], "unknown flag --stage.cap.zize"),
        ):
            error = self.assertRaises(ConfigError, self.load, *arguments)
            self.assertIn(expected, str(error))

    def test_en1_what_is_not_there_is_not_silently_off(self):
        """Options of Acra's for what this version does not do are refused by name."""
        for name in (*("token_db", "redis_host_port", "zonemode_enable"),):
            error = self.assertRaises(ConfigError, self.load, f"--{name}=x")
            self.assertIn(name, str(error))

    def test_ke9_no_secret_on_the_command_line(self):
        error = self.assertRaises(ConfigError, self.load, "--password=hunter2")
        self.assertNotIn("hunter2", str(error))
        self.assertIn("ACRA_PASSWORD", str(error))
        self.assertEqual(self.load(ACRA_PASSWORD="x")["password"], "x")

    def test_everything_that_is_wrong_at_once(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[server]\ndb_port = x\nv = maybe\n[stage:cap]\nsize = y\nsice = 1\n")
        error = self.assertRaises(
            ConfigError,
            self.load,
            *(f"--config={path}", "--nothing", "--password=p", "--db_host", "a", "b"),
            "--stage.cap.seize=1",
            ACRA_DB_PORT="z",
        )
        lines = str(error).splitlines()
        for expected in (
            "unknown flag --nothing",
            "--password: secrets",
            "unexpected argument 'b'",
            f"{path}:2: db_port: 'x'",
            f"{path}:3: v: 'maybe'",
            f"{path}:5: size: 'y'",
            f"{path}:6: unknown key 'sice'",
            "ACRA_DB_PORT: db_port: 'z'",
            "unknown flag --stage.cap.seize",
        ):
            found = [line for line in lines if line.startswith(expected)]
            self.assertEqual(len(found), 1, expected)
        self.assertEqual(len(lines), 9)
        places = [line.partition(": ")[0] for line in lines if line.startswith(path)]
        self.assertEqual(places, [f"{path}:{number}" for number in (2, 3, 5, 6)])

    def test_an_empty_secret_on_the_command_line_gives_nothing_away(self):
        for flag in (("--password=",), ("-password=",), ("--password", "")):
            settings = self.load(*flag, ACRA_PASSWORD="of the environment")
            self.assertEqual(settings["password"], "of the environment")

    def test_a_start_that_fails_is_told_of_all_that_is_wrong(self):
        def fail(text):
            def check(settings):
                raise ConfigError(text)

            return check

        broken = reading.Program(
            "acra-test", (SECTION,), fail("no key"), check_whole=fail("no rules")
        )
        error = self.assertRaises(ConfigError, reading.load, broken, [], {})
        self.assertEqual(str(error), "no key\nno rules")

    def test_quotes_and_comments(self):
        for flags, expected in (
            (['--db_host="x"'], "the quotes count as part of the value; take them off"),
            (["--db_host='x'"], "the quotes count"),
            (["--db_port=5432 # the port"], "a comment stands on a line of its own"),
            (["--db_port=5432 ; the port"], "a comment stands on a line of its own"),
        ):
            error = self.assertRaises(ConfigError, self.load, *flags)
            self.assertIn(expected, str(error))
        self.assertEqual(self.load('--db_host=""')["db_host"], "")
        self.assertEqual(self.load('-config_file=""', "--db_host=''")["db_host"], "")
        self.assertEqual(self.load("--db_host=\"a\" 'b'")["db_host"], "\"a\" 'b'")

    def test_comments_in_a_file(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[server]\ndb_host = x # the host\npassword = a # b\n")
        error = self.assertRaises(ConfigError, self.load, f"--config={path}")
        self.assertEqual(
            str(error), f"{path}:2: db_host: 'x # the host': a comment stands on a line of its own"
        )

    def test_what_was_given_where(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write("[server]\n\ndb_port = 1\n")
        found = self.load(f"--config={path}", "--db-host=x", ACRA_V="1")
        self.assertEqual(
            found.given, {"db_port": f"{path}:3", "db_host": "--db_host", "v": "ACRA_V"}
        )
        self.assertEqual(found.file, path)

    def test_acras_options_by_every_way(self):
        acra = reading.Program("acra-server", (SECTION,), lambda settings: None)

        def load(*flags, **environment):
            return reading.load(acra, flags, environment)[0]

        path = self.mktemp() + ".yaml"
        with open(path, "w") as file:
            file.write("version: 0.91.0\nzonemode_enable: true\n")
        ini = self.mktemp() + ".ini"
        with open(ini, "w") as file:
            file.write("[server]\nzonemode_enable = true\n")
        for where, flags, environment in (
            ("--zonemode_enable", ["--zonemode_enable"], {}),
            ("ACRA_ZONEMODE_ENABLE", [], {"ACRA_ZONEMODE_ENABLE": "true"}),
            (f"{path}:2", [f"--config_file={path}"], {}),
            (f"{ini}:2", [f"--config_file={ini}"], {}),
        ):
            error = self.assertRaises(ConfigError, load, *flags, **environment)
            self.assertIn(f"{where}: zonemode_enable: not supported here: zones", str(error))
            # A flag wins over all of them.
            load(*flags, "--zonemode_enable=false", **environment)
