"""Statements to trees."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.nodes import Delete, Insert, Query, Update
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.sql import lexer, mysqllexer


def read(text):
    tokens = mysqllexer.tokens(text)
    literals = [token for token in tokens if token[0] in lexer.LITERALS]
    ordinals = {token[1]: number for number, token in enumerate(literals)}
    return Reader().statement(Cursor(text, tokens, ordinals))


class Reads(SynchronousTestCase):
    def test_select(self):
        found = read(
            b"SELECT DISTINCT a, b.* FROM t AS x LEFT JOIN (SELECT 1) y ON x.a = y.b, z "
            b"USE INDEX (i) WHERE a GROUP BY c DESC WITH ROLLUP "
            b"HAVING d ORDER BY e LIMIT 1, 2 FOR UPDATE"
        )
        self.assertIsInstance(found, Query)
        select = found.branches[0]
        self.assertTrue(select.distinct)
        self.assertEqual([one.alias for one in select.source.factors], ["x", "y", ""])
        counts = [len(one) for one in (select.groups, select.orders, select.others)]
        self.assertEqual(counts, [1, 1, 2])

    def test_union(self):
        found = read(b"(SELECT 1) UNION ALL SELECT 2 ORDER BY a LIMIT 3")
        self.assertEqual((len(found.branches), found.keeps_all, len(found.orders)), (2, True, 1))
        for text in (b"SELECT 1 UNION SELECT 2", b"SELECT 1 EXCEPT ALL SELECT 2"):
            self.assertFalse(read(text).keeps_all)

    def test_common_table_expressions(self):
        found = read(b"WITH RECURSIVE a (x) AS (SELECT 1), b AS (SELECT 2) SELECT 3")
        self.assertEqual([one.name for one in found.commons], ["a", "b"])
        self.assertTrue(found.recursive)
        self.assertIsInstance(read(b"WITH a AS (SELECT 1) DELETE FROM t"), Delete)

    def test_insert(self):
        found = read(
            b"INSERT LOW_PRIORITY IGNORE INTO d.t PARTITION (p) (a, t.b) VALUES (1, 2), (3, 4)"
        )
        self.assertIsInstance(found, Insert)
        self.assertEqual((found.table.database, found.columns), ("d", ["a", "b"]))
        self.assertEqual([len(row) for row in found.rows], [2, 2])
        found = read(b"REPLACE t SET a = 1, b = 2")
        self.assertEqual((found.columns, len(found.rows[0])), (["a", "b"], 2))
        found = read(b"INSERT t (a) (SELECT b FROM c) ON DUPLICATE KEY UPDATE a = VALUES(a), b = 2")
        self.assertIsNotNone(found.query)
        self.assertEqual([one.names for one in found.updates], [["a"], ["b"]])
        found = read(b"INSERT t VALUES () AS n (x) ON DUPLICATE KEY UPDATE a = n.x RETURNING a, *")
        self.assertEqual(
            (found.alias, list(found.alias_columns), len(found.returning)), ("n", ["x"], 2)
        )

    def test_update_and_delete(self):
        found = read(b"UPDATE IGNORE a JOIN b USING (x) SET a.y = 1 WHERE z ORDER BY x LIMIT 2")
        self.assertIsInstance(found, Update)
        self.assertEqual((found.source.using, len(found.assignments)), (["x"], 1))
        for text, tables in (
            (b"DELETE FROM t AS x WHERE a LIMIT 1 RETURNING b", ["t"]),
            (b"DELETE a, b.* FROM a JOIN b ON 1 WHERE c", ["a", "b"]),
            (b"DELETE FROM a USING a, b WHERE c", ["a", "b"]),
        ):
            found = read(text)
            self.assertEqual([one.table.name for one in found.source.factors], tables)

    def test_what_is_not_understood(self):
        for text in (
            b"SELECT 1 INTO OUTFILE 'x'",
            b"SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a INT PATH '$')) t",
            b"SELECT * FROM t FOR SYSTEM_TIME ALL",
            b"SELECT * FROM f(1)",
            b"SELECT a FROM t PROCEDURE ANALYSE()",
            b"SELECT a FROM t WINDOW w AS ()",
            b"INSERT INTO t VALUES ROW(1)",
            b"INSERT INTO t (a) VALUES (1) garbage",
            b"INSERT INTO t (a, VALUES (1)",
            b"TABLE t",
            b"VALUES (1)",
            b"UPDATE t SET a += 1",
            b"DELETE FROM a, b WHERE 1",
            b"SELECT " + b"(SELECT " * 60 + b"1" + b")" * 60,
            b"SELECT 1 FROM " + b"(" * 60 + b"t" + b")" * 60,
        ):
            with self.assertRaises(UnreadableError, msg=text):
                read(text)
