"""MariaDB runs of comments with versions what is among our readings of them."""

import random
import unittest

import pymysql
from pymysql.constants import CLIENT

from acra_twisted.errors import LexError
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.sql.mysqlversions import mark_at, unmarked
from tests.support import classmariadb

MYSQL = LANGUAGES["mysql"]
SYNTAX, NO_CHARACTER = 1064, 1300
#: Whether MariaDB 10.11 runs them.
MEASURED = {
    **dict.fromkeys(("/*!", "/*!1", "/*!1234", "/*!00000", "/*!40101", "/*!50699"), True),
    **dict.fromkeys(("/*!50700", "/*!50701", "/*!80000", "/*!90999", "/*!99999"), False),
    **dict.fromkeys(("/*!100000", "/*!101100", "/*!050000"), True),
    **dict.fromkeys(("/*!101199", "/*!110000", "/*!999999"), False),
    **dict.fromkeys(("/*M!", "/*M!1", "/*M!40101", "/*M!50701", "/*M!99999", "/*M!100000"), True),
    **dict.fromkeys(("/*M!101100", "/*M!1001001"), True),
    **dict.fromkeys(("/*M!101200", "/*M!110000", "/*M!999999"), False),
}
MARKS = (
    *("/*!", "/*!50000", "/*!40101 ", "/*!50701", "/*!80013 ", "/*!99999", "/*!999999", "/*!5"),
    *("/*M!", "/*M!100000", "/*M!99999 ", "/*M!110000", "/*M!999999"),
)
PIECES = (
    *("*/", " */", "*/", "/* x */", "/**/", "/*", "*", "/", "'*/'", "'/*!'", '"*/"', "`*/`", "'"),
    *("+1", "+20", ",300", "+ 4000", " AS a", " AS b ", "-1", "--1", "-- ", "--", "-", "\n"),
    *("#", "# */", "-- */\n", ";", "; SELECT 5", "SELECT 6", " ", "(7)", "(", ")", "/*+ x */", "1"),
)


class Versions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = classmariadb.started(cls)
        cls.connection = pymysql.connect(
            host="127.0.0.1",
            port=cls.database.port,
            user="u",
            password="pw",
            read_timeout=120,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )
        cls.addClassCleanup(cls.connection.close)

    def said(self, text):
        """Return the rows of each result, up to the number of an error."""
        found = []
        with self.connection.cursor() as cursor:
            try:
                cursor.execute(text)
                found.append(cursor.fetchall())
                while cursor.nextset():
                    found.append(cursor.fetchall())
            except pymysql.MySQLError as error:
                found.append(error.args[0])
        # A comment behind the last semicolon is an empty statement.
        return [one for one in found if one]

    def readings(self, text):
        """The texts without comments as which a text may be read."""
        found = MYSQL.readings(text, MYSQL.mode)
        return [unmarked(one, MYSQL.tokens(one, MYSQL.mode)) for one in found]

    @staticmethod
    def words(chosen):
        """Yield parts of a text: comments of all kinds, often closed, and what may end them."""
        for _ in range(chosen.randint(1, 4)):
            if chosen.random() < 0.6:
                yield chosen.choice(MARKS)
                yield from chosen.choices(PIECES, k=chosen.randint(0, 2))
                yield "*/"
            else:
                yield chosen.choice((*PIECES, *MARKS))

    def test_any_bytes_in_strings_are_read_as_they_are_here(self):
        """They make no quote, and no backslash, a part of a character."""
        chosen = random.Random(20261129)  # noqa: S311 - reproducible, not secret
        parts = (
            b"'",
            b"\\",
            b"a",
            b'"',
            *(bytes((n,)) for n in (0x80, 0xBF, 0xC3, 0xE2, 0xF0, 0xFF)),
        )
        read = 0
        for _ in range(3_000):
            text = b"SELECT HEX('" + b"".join(chosen.choices(parts, k=chosen.randint(0, 8))) + b"')"
            try:
                tokens = MYSQL.tokens(text, MYSQL.mode)
            except LexError:
                self.assertIn(self.said(text), ([SYNTAX], [NO_CHARACTER]), text)
                continue
            strings = [text[start:end] for kind, start, end in tokens if kind == "s"]
            plain = b"".join(text[start:end] for _, start, end in tokens[:-1]).endswith(strings[-1])
            if len(tokens) == 5 and plain:
                _, value = MYSQL.value("s", strings[0], MYSQL.mode)
                self.assertEqual(self.said(text), [((value.hex().upper(),),)], text)
                read += 1
        self.assertGreater(read, 500)

    def test_versions(self):
        for mark, runs in MEASURED.items():
            text = f"SELECT 1, {mark} + 20, */ 300"
            [[row]] = self.said(text)
            self.assertEqual(len(row), 3 if runs else 2, text)
            try:
                known = mark_at(mark.encode(), 0).runs
            except LexError:
                self.assertIn(
                    mark, ("/*!050000", "/*!100000", "/*!101100", "/*!101199", "/*!110000")
                )
            else:
                self.assertIn(known, (runs, None), mark)

    def test_what_is_run_is_read(self):
        chosen = random.Random(20261129)  # noqa: S311 - reproducible, not secret
        ways: dict[str, int] = {}
        for _ in range(6_000):
            text = ("SELECT 1" + "".join(self.words(chosen))).encode()
            try:
                found = self.readings(text)
            except LexError:
                ways["refused"] = ways.get("refused", 0) + 1
                continue
            run = self.said(text)
            expected = [self.said(one) for one in found]
            way = "read" if run in expected else "other"
            if way == "other" and run[-1] == SYNTAX and b";" in text:
                # A statement behind a semicolon in a comment does not know of the comment.
                way = "stopped" if any(one[: len(run) - 1] == run[:-1] for one in expected) else way
            elif way == "read" and run[-1] != SYNTAX:
                way = "run in several ways" if len(found) > 1 else "run"
            self.assertNotEqual(way, "other", (text, run, found, expected))
            ways[way] = ways.get(way, 0) + 1
        for way, count in (("run", 500), ("run in several ways", 200), ("refused", 500)):
            self.assertGreater(ways.get(way, 0), count, ways)
