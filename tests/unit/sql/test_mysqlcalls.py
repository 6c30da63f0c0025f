"""Calls and catalogs of MariaDB and MySQL."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import mysql, mysqlcalls, mysqllexer
from acra_twisted.sql.tree import Table, UnparsableError

#: Words and signs that the readers look for, in any order.
SOUP = st.lists(
    st.sampled_from(
        (
            *("SELECT", "CREATE", "ALTER", "TABLE", "SET", "SHOW", "FLUSH", "TABLES", "CACHE"),
            *("INDEX", "INTO", "LOAD", "NEXT", "PREVIOUS", "VALUE", "FOR", "NEXTVAL", "LASTVAL"),
            *("UNION", "ENGINE", "DEFINER", "SQL", "SECURITY", "OR", "REPLACE", "EXPLAIN"),
            *("FORMAT", "CONNECTION", "INSERT", "WHERE", "FROM", "IN", "BACKUP", "LOCK"),
            *(".", ",", "(", ")", "=", "@", ";", "/**/", "`q`", "'x'", "5", "t", "nextval"),
        )
    ),
    max_size=12,
)


def read(text):
    raw = text.encode()
    [parsed] = mysql.parse(raw, mysqllexer.tokens(raw))
    return parsed


class Calls(SynchronousTestCase):
    @given(SOUP)
    def test_any_words_are_read_or_refused(self, words):
        raw = " ".join(words).encode()
        with contextlib.suppress(LexError, UnparsableError):
            for parsed in mysql.parse(raw, mysqllexer.tokens(raw)):
                self.assertTrue(all(type(table) is Table for table in parsed.tables))

    def test_sequences_are_tables(self):
        for text in (
            "SELECT NEXTVAL(s.q)",
            "SELECT `x` + LASTVAL ( `s` . `q` )",
            "SELECT NEXT VALUE FOR s.q",
            "SELECT PREVIOUS VALUE FOR s.q, 1",
            "SELECT s.q.nextval",
        ):
            self.assertEqual(read(text).tables, {Table("s", "q")}, text)
        self.assertEqual(read("SELECT nextval, next FROM t").tables, {Table("", "t")})
        self.assertTrue(read("SELECT NEXTVAL((SELECT 1))").opaque)

    def test_by_class(self):
        self.assertIn("files", read("SELECT `LOAD_FILE`('x')").opaque)
        self.assertIn("runs SQL", read("SELECT sys_eval('x')").opaque)
        self.assertTrue(read("SELECT sleep(1)").apart)
        self.assertEqual(read("SELECT f(1), upper('x')").unknown, {"function f"})
        harmless = read("SELECT upper(a), (a), count(*) FROM t WHERE a IN (1) AND (b)")
        self.assertEqual((harmless.opaque, harmless.apart, harmless.unknown), ("", "", frozenset()))

    def test_tables_and_aliases_are_no_functions(self):
        for text in (
            "INSERT INTO t (a) VALUES (1)",
            "WITH c (a) AS (SELECT 1) SELECT a FROM c",
            "CREATE TABLE x (a varchar(5), KEY k (a))",
        ):
            self.assertEqual(read(text).unknown, frozenset(), text)

    def test_catalogs(self):
        for table in ("mysql.general_log", "sys.session", "general_log", "mysql.unheard_of"):
            self.assertTrue(read(f"SELECT 1 FROM {table}").values, table)
        for table in ("mysql.proc", "session", "db.general_log", "information_schema.tables"):
            self.assertFalse(read(f"SELECT 1 FROM {table}").values, table)

    def test_words_that_may_hide(self):
        for name, expected in (
            ("load_file", True),
            ("column_stats", True),
            ("sleep", True),
            ("upper", False),
            ("unheard_of", False),
        ):
            self.assertEqual(mysqlcalls.may_hide(name), expected, name)
