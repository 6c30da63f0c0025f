"""Settings in force, each with its origin."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.origins import HIDDEN, origins
from acra_twisted.config.reading import Program, load
from acra_twisted.options import TEXT, Integer, Option, Section

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
