"""Calls and catalogs of MariaDB and MySQL."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import mysql, mysqlcalls, mysqllexer
from acra_twisted.sql.tree import Table


def read(text):
    raw = text.encode()
    [parsed] = mysql.parse(raw, mysqllexer.tokens(raw))
    return parsed


class Calls(SynchronousTestCase):
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
