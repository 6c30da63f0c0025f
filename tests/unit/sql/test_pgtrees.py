"""Nodes of a PostgreSQL tree, as patterns see them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer, pgtrees, postgresql, tree
from acra_twisted.sql.tree import Node, Table


def items(text):
    """The select list of a text."""
    raw = text.encode()
    [parsed] = postgresql.parse(raw, lexer.tokens(raw))
    return parsed.tree.fields[pgtrees.SELECT_LIST]


class Nodes(SynchronousTestCase):
    def test_columns_values_and_functions(self):
        text = (
            "SELECT *, a, 1, NULL, $1, f(a), a + 1, t.a, (SELECT 1), CASE WHEN a THEN 1 END FROM t"
        )
        found = items(text)
        self.assertEqual([pgtrees.is_star(item) for item in found[:3]], [True, False, False])
        self.assertEqual([pgtrees.name_of(item) for item in found[:3]], [None, "a", None])
        self.assertIsNone(pgtrees.name_of(found[7]))
        columns = [pgtrees.is_column(item) for item in found]
        self.assertEqual(columns, [n != 6 for n in range(len(found))])
        values = [pgtrees.is_value(item.fields["val"]) for item in found]
        self.assertEqual(values, [n in (2, 3, 4) for n in range(len(found))])
        self.assertTrue(pgtrees.is_function(found[5].fields["val"]))

    def test_relations_and_writing(self):
        raw = b"WITH c AS (DELETE FROM a RETURNING 1) SELECT 1 INTO d FROM c, s.b"
        [parsed] = postgresql.parse(raw, lexer.tokens(raw))
        nodes = [node for node in tree.walk(parsed.tree) if type(node) is Node]
        relations = {pgtrees.relation(node) for node in nodes} - {None}
        self.assertEqual(relations, {Table("", "a"), Table("s", "b"), Table("", "d")})
        writing = {node.kind for node in nodes if pgtrees.is_writing(node)}
        self.assertEqual(writing, {"DeleteStmt", "SelectStmt"})

    def test_what_may_hide(self):
        self.assertTrue(pgtrees.may_hide("ts_stat"))
        self.assertTrue(pgtrees.may_hide("pg_stats"))
        self.assertFalse(pgtrees.may_hide("upper"))
        self.assertTrue(pgtrees.is_opaque_call(items("SELECT ts_stat(a) FROM t")[0].fields["val"]))
