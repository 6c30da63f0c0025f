"""Languages by name, text in UTF-8, limits before any parser."""

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError, TooCostlyError
from acra_twisted.sql.languages import LANGUAGES, bound, normal

PG, MY = LANGUAGES["postgresql"], LANGUAGES["mysql"]
#: What a daemon of one database need not load, and what it asks for.
PARSERS = {"postgresql": "pgparse", "mysql": "sqlglot"}


class Loading(SynchronousTestCase):
    def test_each_is_made_once_and_has_its_name(self):
        self.assertEqual([LANGUAGES[name].name for name in LANGUAGES], ["postgresql", "mysql"])
        self.assertIs(LANGUAGES["mysql"], MY)
        self.assertEqual(len(LANGUAGES), 2)
        self.assertNotIn("oracle", LANGUAGES)
        with self.assertRaises(KeyError):
            LANGUAGES["oracle"]

    def test_the_parser_of_one_is_not_loaded_for_the_other(self):
        for name, parser in PARSERS.items():
            program = (
                "import sys\n"
                "from acra_twisted.sql.languages import LANGUAGES\n"
                f"parsers = {set(PARSERS.values())!r}\n"
                f"assert {name!r} in LANGUAGES and not parsers & set(sys.modules)\n"
                f"LANGUAGES[{name!r}]\n"
                "print(*parsers & set(sys.modules))"
            )
            shown = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=True
            )
            self.assertEqual(shown.stdout.split(), [parser])


class Texts(SynchronousTestCase):
    def test_in_utf8(self):
        self.assertEqual(normal(b"\xe9", PG.mode_of({"client_encoding": "LATIN1"})), "é".encode())
        for text, settings in ((b"\xe9", {}), (b"a", {"client_encoding": "SJIS"})):
            with self.assertRaises(LexError):
                normal(text, PG.mode_of(settings))


class Limits(SynchronousTestCase):
    def bound(self, text, limit=16_000, language=PG):
        bound(language, text, language.tokens(text, language.mode, 1_000_000), limit)

    def test_refused(self):
        for text in (
            b"SELECT " + b"(" * 101 + b"1" + b")" * 101,
            b"SELECT 1" + b"+1" * 8000,
            b"SELECT " + b"a" * 260_000,
        ):
            with self.assertRaises(LexError):
                self.bound(text)
        text = b"SELECT 1"
        for _ in range(9):
            text = b"UPDATE t SET (a, b, c) = (WITH w AS (%b) SELECT 1)" % text
        # 200 tokens, of which the parser would make hundreds of thousands.
        with self.assertRaisesRegex(TooCostlyError, "max_structure allows 16000 "):
            self.bound(text)
        names = b", ".join([b"a"] * 1000)
        with self.assertRaisesRegex(TooCostlyError, "max_structure allows 16000 "):
            self.bound(b"UPDATE t SET (%b) = (SELECT %b)" % (names, names))
        with self.assertRaisesRegex(TooCostlyError, "max_structure allows 4000 "):
            self.bound(b"SELECT 1" + b"+1" * 2000, language=MY)

    def test_what_is_within_the_limit(self):
        for text in (
            b"SELECT 1;" * 5000,
            b"SELECT 1" + b"+1" * 7900,
            b"SELECT '" + b"a" * 2_000_000 + b"'",
            b"SELECT " + b"a" * 16_000,
            b"UPDATE t SET (%b) = (SELECT %b)" % (b", ".join([b"a"] * 80), b", ".join([b"a"] * 80)),
        ):
            self.bound(text)
