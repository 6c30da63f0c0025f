"""Reading patterns: what is a placeholder, and what is not."""

from acra_twisted.censor.patterns import read_pattern, writes_everywhere
from acra_twisted.errors import ConfigError
from acra_twisted.sql.languages import LANGUAGES
from tests.support.matching import Matching

#: Names that stood for placeholders once, or could.
NAMES = (
    *("acra_any_column", "acra_any_where", "acra_any_select", "acra_any_subquery"),
    *("acra_stand_in", "acra_stand_in0x", "acra_stand_in_0x", "acra_stand_in1x"),
)


class StandIns(Matching):
    """No name and no literal of a pattern is a placeholder but the placeholders themselves."""

    def test_names_are_names(self):
        for language in LANGUAGES.values():
            for name in NAMES:
                for pattern in (
                    f"SELECT {name}",
                    f"SELECT a FROM t WHERE {name}",
                    f"SELECT a FROM t WHERE {name} = 1",
                    f"SELECT a FROM t WHERE b = (SELECT {name})",
                    f"SELECT a FROM t WHERE {name} AND b = %%VALUE%%",
                    f"SELECT {name}, %%COLUMN%% FROM t",
                ):
                    own = pattern.replace("%%VALUE%%", "1").replace("%%COLUMN%%", "x")
                    self.assertTrue(self.matches(language, pattern, own), pattern)
                    other = own.replace(name, "x")
                    self.assertFalse(self.matches(language, pattern, other), pattern)

    def test_escaped_names_are_no_placeholders(self):
        language = LANGUAGES["postgresql"]
        pattern = 'SELECT U&"\\0061cra_stand_in0x" FROM t WHERE %%COLUMN%% = 1'
        self.assertRaises(ConfigError, read_pattern, language, pattern, "here")

    def test_a_placeholder_in_a_literal_a_name_or_a_comment_is_refused(self):
        for language in LANGUAGES.values():
            quote = language.quote.decode()
            for pattern in (
                f"SELECT {quote}%%COLUMN%%{quote} FROM t",
                "SELECT 'a %%VALUE%% b' FROM t",
                "SELECT a FROM t /* %%WHERE%% */",
                "SELECT a FROM t WHERE b = 'x%%COLUMN%%'",
                "%%SUBQUERY%%",
                "%%SUBQUERY%% UNION %%SELECT%% ORDER BY %%WHERE%%",
                "SELECT %%COLUMN%%%%COLUMN%% FROM t",
                "SELECT count(*) FROM %%COLUMN%%",
            ):
                self.assertRaises(ConfigError, read_pattern, language, pattern, "here")

    def test_literals_are_literals(self):
        language = LANGUAGES["postgresql"]
        pattern = "SELECT a FROM t WHERE b = $$%%WHERE$$ AND c = %%VALUE%%"
        same = "SELECT a FROM t WHERE b = '%%WHERE' AND c = 5"
        self.assertTrue(self.matches(language, pattern, same))
        self.assertFalse(self.matches(language, pattern, same.replace("%%WHERE", "x")))


class Remarks(Matching):
    """Patterns that allow more than they seem to."""

    def test_a_write_that_may_come_without_where(self):
        for language in LANGUAGES.values():
            for text, expected in (
                ("DELETE FROM t %%WHERE%%", True),
                ("UPDATE t SET a = %%VALUE%% %%WHERE%%", True),
                ("UPDATE t SET a = 1 WHERE b = %%VALUE%%", False),
                ("SELECT a FROM t %%WHERE%%", False),
                ("DELETE FROM t WHERE a IN (SELECT b FROM u %%WHERE%%)", False),
            ):
                query = read_pattern(language, text, "here").query
                self.assertEqual(writes_everywhere(language, query), expected, text)
