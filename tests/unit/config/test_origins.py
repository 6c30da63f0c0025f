"""Settings in force, each with its origin."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.closedkinds import ASSIGNMENTS, STATEMENT
from acra_twisted.config.origins import HIDDEN, origins
from acra_twisted.config.reading import Program, load
from acra_twisted.optionkinds import COMMAND, FILE, NAMES, TEXT, Integer
from acra_twisted.options import Option, Section, defaults

SECTIONS = (
    Section(
        "server",
        "Server.",
        (
            Option("one", TEXT, "a", "One."),
            Option("two", TEXT, "", "Two."),
            Option("three", Integer(0, 9), 1, "Three."),
            Option("word", TEXT, "", "A secret.", secret=True),
            Option("tls_key", TEXT, "", "A path."),
            Option("sink", TEXT, "", "A URL."),
            Option("sinks", NAMES, (), "URLs."),
            Option("master_key_file", FILE, "", "A path."),
            Option("command", COMMAND, "", "A command."),
            Option("details", ASSIGNMENTS, (), "Settings of a plug-in."),
            Option("question", STATEMENT, "SELECT 1", "A statement."),
            Option("folder", FILE, "", "A path."),
        ),
    ),
)


class Origins(SynchronousTestCase):
    def shown(self, ini="", flags=(), environment=None):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(ini)
        program = Program("acra-server", SECTIONS, lambda settings: None)
        settings, _ = load(program, [f"--config_file={path}", *flags], environment or {})
        found = {one["name"]: one for one in origins(SECTIONS, settings)}
        return path, found

    def test_each_origin(self):
        path, found = self.shown("[server]\none = b\n", ["--three=7"], {"ACRA_TWO": "c"})
        told = {n: (one["value"], one["origin"], one["where"]) for n, one in found.items()}
        self.assertEqual(told["one"], ("b", "file", f"{path}:2"))
        self.assertEqual(told["three"], ("7", "flag", "--three"))
        self.assertEqual(told["two"][:2], ("c", "environment"))
        self.assertEqual(told["sink"], ("", "default", ""))
        self.assertEqual(found["one"]["section"], "server")

    def test_secrets_and_paths_of_private_keys_are_not_shown(self):
        _, found = self.shown(
            "[server]\nword = hunter2\ntls_key = /etc/k.pem\nsink = http://me:pw@host/x\n"
        )
        self.assertEqual(found["word"]["value"], HIDDEN)
        self.assertEqual(found["tls_key"]["value"], HIDDEN)
        self.assertEqual(found["sink"]["value"], "http://host/x")
        _, found = self.shown()
        self.assertEqual(found["word"]["value"], "")

    def test_what_may_hold_secrets_is_not_shown_where_it_was_set(self):
        _, found = self.shown(
            "[server]\nmaster_key_file = /run/k\ncommand = vault read -token=t k\n"
            "details = address=x, token=t\nquestion = SELECT 't'\n"
        )
        for name in ("master_key_file", "command", "details", "question"):
            self.assertEqual(found[name]["value"], HIDDEN, name)
        _, found = self.shown()
        self.assertEqual(found["question"]["value"], "SELECT 1")
        self.assertEqual(found["command"]["value"], "")
        self.assertEqual(found["details"]["value"], "")

    def test_urls_are_shown_without_what_proves_something(self):
        for text, shown in (
            ("http://u:p@ss@h/x", "http://h/x"),
            ("http://u:p/w@h/x", HIDDEN),
            ("http://u:p?w@h/x", HIDDEN),
            ("http://u:p#w@h/x", HIDDEN),
            ("//u:p@h", "//h"),
            ("https://h:1/x?token=t", "https://h:1/x"),
            ("https://h/x#token", "https://h/x"),
            ("https://h?a=//u:p@g", HIDDEN),
            ("https://h/x", "https://h/x"),
            ("me@example.org", "me@example.org"),
        ):
            _, found = self.shown(f"[server]\nsink = {text}\n")
            self.assertEqual(found["sink"]["value"], shown)
        _, found = self.shown("[server]\nsinks = http://u:p@h/x, https://g/y?t, z\n")
        self.assertEqual(found["sinks"]["value"], "http://h/x, https://g/y, z")
        _, found = self.shown("[server]\nfolder = /a//b@c?d\n")
        self.assertEqual(found["folder"]["value"], "/a//b@c?d")

    @given(
        st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), max_size=20),
        st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), max_size=20),
    )
    def test_no_password_and_no_query_is_shown(self, before, after):
        for text in (
            f"http://{before}SECRET{after}@host.example/path",
            f"http://host.example/path?{before}SECRET{after}",
        ):
            settings = defaults(SECTIONS).but(sink=text)
            found = {one["name"]: one["value"] for one in origins(SECTIONS, settings)}
            self.assertNotIn("SECRET", found["sink"])
